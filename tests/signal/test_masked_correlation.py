"""The correlation inside a mask is Pearson's."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.agreement import masked_correlation

BOX = 24


def noise(n: int, box: int = BOX, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, box, box, generator=torch.Generator().manual_seed(seed))


def some_mask(n: int, box: int = BOX, seed: int = 0) -> torch.Tensor:
    return noise(n, box, seed + 1000) > 0.3


@settings(deadline=None)
@given(n=st.integers(1, 4), box=st.integers(4, 24), seed=st.integers(0, 99), part=st.floats(0, 1))
def test_it_is_pearsons_inside_the_mask(n: int, box: int, seed: int, part: float) -> None:
    one, other = noise(n, box, seed), noise(n, box, seed + 1)
    other = part * one + (1 - part) * other
    mask = some_mask(n, box, seed)
    mask[:, 0, :3] = True
    got = masked_correlation(one, other, mask)
    assert got.shape == (n,)
    for k in range(n):
        inside = mask[k]
        expected = np.corrcoef(one[k][inside].numpy(), other[k][inside].numpy())[0, 1]
        assert got[k].item() == pytest.approx(expected, abs=1e-4)


@settings(deadline=None)
@given(gain=st.floats(1e-3, 1e3), offset=st.floats(-100, 100), seed=st.integers(0, 99))
def test_gain_and_offset_do_not_count(gain: float, offset: float, seed: int) -> None:
    one, other, mask = noise(2, seed=seed), noise(2, seed=seed + 1), some_mask(2)
    offset *= gain  # float32 holds no more
    plain = masked_correlation(one, other, mask)
    torch.testing.assert_close(
        masked_correlation(gain * one + offset, other, mask), plain, rtol=0, atol=1e-3
    )
    torch.testing.assert_close(
        masked_correlation(other, -gain * one, mask), -plain, rtol=0, atol=1e-3
    )


def test_pixels_outside_the_mask_do_not_count() -> None:
    one, other, mask = noise(2), noise(2, seed=1), some_mask(2)
    spoilt = torch.where(mask, one, torch.tensor(1e4))
    torch.testing.assert_close(
        masked_correlation(spoilt, other, mask), masked_correlation(one, other, mask)
    )


@settings(deadline=None)
@given(value=st.floats(-1e4, 1e4, width=32), other=st.floats(-1e4, 1e4, width=32))
def test_a_constant_has_no_correlation(value: float, other: float) -> None:
    """Not even through what rounding leaves of it."""
    flat, flat_too = torch.full((1, BOX, BOX), value), torch.full((1, BOX, BOX), other)
    mask = some_mask(1)
    for pair in ((flat, noise(1)), (noise(1), flat), (flat, flat_too), (flat, flat)):
        assert masked_correlation(*pair, mask).item() == 0


def test_one_of_oneself_and_zero_of_nothing() -> None:
    image, mask = noise(1), some_mask(1)
    assert masked_correlation(image, image, mask).item() == pytest.approx(1, abs=1e-5)
    assert masked_correlation(image, -image, mask).item() == pytest.approx(-1, abs=1e-5)
    assert masked_correlation(image, image, torch.zeros_like(mask)).item() == 0
