"""Scores mean what their names say."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.evaluate.metrics import masked_correlation, wiener_filter
from core.signal.spectrum import noise_with_power, radial_power
from core.simulate.pairs import widen

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


def signal_and_noise(n: int, box: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images whose spectra are known on paper, and those spectra."""
    f = torch.linspace(0, 0.5, box // 2 + 1)
    spectra = torch.stack([40 * torch.exp(-f / 0.03), torch.full_like(f, 4.0)])
    images = [
        noise_with_power(power.expand(n, -1), box, torch.Generator().manual_seed(seed))
        for seed, power in enumerate(spectra)
    ]
    return images[0], images[1], spectra


@pytest.mark.parametrize("box", [48, 49])
def test_the_wiener_filter_beats_raw_and_any_other_gain(box: int) -> None:
    signal, ice, (signal_power, noise_power) = signal_and_noise(40, box)
    raw = signal + ice

    def error(images: torch.Tensor) -> float:
        return float((images - signal).square().mean())

    best = error(wiener_filter(raw, signal_power, noise_power))
    assert best < 0.2 * error(raw)
    assert best < error(torch.zeros_like(raw))
    for factor in (0.2, 5.0):
        assert best < error(wiener_filter(raw, factor * signal_power, noise_power))
    mask = torch.ones_like(raw, dtype=torch.bool)
    filtered = wiener_filter(raw, signal_power, noise_power)
    assert (
        masked_correlation(filtered, signal, mask) > masked_correlation(raw, signal, mask)
    ).all()


def test_wiener_filters_limits() -> None:
    images = noise(3)
    ones, zeros = torch.ones(13), torch.zeros(13)
    torch.testing.assert_close(wiener_filter(images, ones, zeros), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(wiener_filter(images, ones, ones), images / 2, rtol=0, atol=1e-5)
    assert not wiener_filter(images, zeros, ones).any()
    assert not wiener_filter(images, zeros, zeros).any()


def test_a_wiener_filter_for_each_image() -> None:
    images = noise(3)
    signal = radial_power(noise(3, seed=5))
    together = wiener_filter(images, signal, torch.ones(3, 13))
    for k in range(3):
        alone = wiener_filter(images[k : k + 1], signal[k], torch.ones(13))
        torch.testing.assert_close(together[k : k + 1], alone)


def test_widen_adds_a_margin_on_all_sides() -> None:
    mask = torch.zeros(1, 15, 15, dtype=torch.bool)
    mask[0, 7, 7] = True
    wide = widen(mask, 2)
    assert int(wide.sum()) == 25
    assert wide[0, 5:10, 5:10].all()
    assert torch.equal(widen(mask, 0), mask)
