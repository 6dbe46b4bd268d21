"""The background ring is RELION's, and so are its mean and its standard deviation."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.background import ring_mask, ring_statistics


def noise(n: int, box: int, mean: float = 0.0, sd: float = 1.0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(box).normal(mean, sd, (n, box, box))).float()


@settings(deadline=None)
@given(box=st.integers(4, 80))
def test_the_ring_lies_outside_a_circle_about_the_centre_pixel(box: int) -> None:
    mask = ring_mask(box).numpy()
    y, x = np.mgrid[:box, :box] - box // 2
    diameter = 0.75 * box  # the default of RELION's Extract job
    np.testing.assert_array_equal(mask, np.hypot(y, x) > diameter / 2)


@settings(deadline=None)
@given(box=st.integers(8, 80), mean=st.floats(-20, 20), sd=st.floats(0.01, 50))
def test_statistics_are_those_of_the_ring_alone(box: int, mean: float, sd: float) -> None:
    images = noise(3, box, mean, sd)
    ring = ring_mask(box)
    got_mean, got_sd = ring_statistics(images)
    assert got_mean.shape == got_sd.shape == (3, 1, 1)
    for k in range(3):
        values = images[k].numpy()[ring.numpy()].astype(np.float64)
        assert got_mean[k].item() == pytest.approx(values.mean(), abs=1e-4 * sd + 1e-5)
        assert got_sd[k].item() == pytest.approx(values.std(), rel=1e-3)
    spoilt = torch.where(ring, images, torch.tensor(1e6))
    for got, kept in zip(ring_statistics(spoilt), (got_mean, got_sd), strict=True):
        torch.testing.assert_close(got, kept)


@settings(deadline=None)
@given(box=st.integers(16, 64), gain=st.floats(0.1, 10), offset=st.floats(-10, 10))
def test_normalising_undoes_gain_and_offset(box: int, gain: float, offset: float) -> None:
    images = noise(2, box)
    results = []
    for version in (images, gain * images + offset):
        mean, sd = ring_statistics(version)
        results.append((version - mean) / sd)
        mean, sd = ring_statistics(results[-1])
        torch.testing.assert_close(mean, torch.zeros_like(mean), rtol=0, atol=1e-4)
        torch.testing.assert_close(sd, torch.ones_like(sd), rtol=1e-4, atol=0)
    torch.testing.assert_close(results[0], results[1], rtol=1e-3, atol=2e-3)


def test_a_constant_background_has_no_spread() -> None:
    images = torch.zeros(2, 32, 32)
    images[:, 12:20, 12:20] = 1
    images[1] += 5
    mean, sd = ring_statistics(images)
    assert mean.flatten().tolist() == [0, 5]
    assert sd.flatten().tolist() == [0, 0]
