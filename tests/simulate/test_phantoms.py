"""Phantoms are the same for the same seed at any sampling, of the size asked for, and varied."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import center_of_mass, gaussian_filter, rotate, shift

from core.simulate.phantoms import phantom
from core.simulate.volumes import resample

from .shapes import centred, correlation

RANGE = (90.0, 150.0)
SEEDS = range(12)


def symmetry(seed: int) -> dict[int, float]:
    """How well the phantom matches itself turned by 360° / fold about z, fold by fold."""
    volume = phantom(seed, 5.0, RANGE)
    data = gaussian_filter(volume.data, 1.0)
    middle = np.array(center_of_mass(data)) - volume.box // 2
    data = centred(shift(data, -middle, order=1), volume.box - 1)
    turned = {
        fold: rotate(data, 360 / fold, axes=(1, 2), reshape=False, order=1) for fold in range(2, 8)
    }
    return {fold: correlation(data, copy) for fold, copy in turned.items()}


@pytest.mark.parametrize("seed", [0, 1, 7])
def test_same_seed_same_phantom(seed: int) -> None:
    one, again, other = (phantom(s, 5.0, RANGE) for s in (seed, seed, seed + 1))
    np.testing.assert_array_equal(one.data, again.data)
    assert one.name == again.name != other.name
    assert one.data.shape != other.data.shape or correlation(one.data, other.data) < 0.95


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_object_at_any_pixel_size(seed: int) -> None:
    fine, coarse = (phantom(seed, pixel_size, RANGE, resolution=12.0) for pixel_size in (3.0, 6.0))
    assert fine.data.sum() == pytest.approx(coarse.data.sum(), rel=1e-3)
    box = max(coarse.box, fine.box // 2) + 2
    one, other = (centred(resample(v, 6.0).data, box) for v in (fine, coarse))
    assert correlation(one, other) > 0.9
    low = [gaussian_filter(data, 20 * 0.225 / 6.0 * 1.5) for data in (one, other)]
    assert correlation(*low) > 0.99


@settings(deadline=None, max_examples=25)
@given(
    seed=st.integers(0, 10_000),
    pixel_size=st.floats(3.5, 9.0),
    smallest=st.floats(70, 150),
    spread=st.floats(0, 60),
)
def test_a_positive_density_of_the_size_asked_for(
    seed: int, pixel_size: float, smallest: float, spread: float
) -> None:
    volume = phantom(seed, pixel_size, (smallest, smallest + spread))
    assert volume.pixel_size == pixel_size
    assert volume.data.dtype == np.float32
    assert len(set(volume.data.shape)) == 1
    assert volume.box % 2 == 0
    assert volume.data.min() >= 0
    places = np.argwhere(volume.data > 0.05 * volume.data.max()) - volume.box // 2
    diameter = 2 * np.linalg.norm(places, axis=1).max() * pixel_size
    blur = 2 * 2.5 * np.hypot(0.45 * pixel_size, 1.9) + 2 * pixel_size
    assert 0.75 * smallest < diameter < smallest + spread + blur
    assert volume.box * pixel_size > smallest


def test_some_are_symmetric_and_some_are_not() -> None:
    """Half are alone; cyclic and dihedral ones match themselves when they are turned about z."""
    best = {seed: max(symmetry(seed).items(), key=lambda item: item[1]) for seed in SEEDS}
    symmetric = {seed: fold for seed, (fold, match) in best.items() if match > 0.99}
    alone = [seed for seed, (_, match) in best.items() if match < 0.9]
    assert len(symmetric) >= 4
    assert len(alone) >= 3
    assert len(set(symmetric.values())) >= 4


def test_resolution_blurs() -> None:
    sharp, blurred = (phantom(2, 4.0, RANGE, resolution) for resolution in (None, 24.0))
    assert blurred.data.max() < 0.7 * sharp.data.max()
    assert blurred.data.sum() == pytest.approx(sharp.data.sum(), rel=0.02)
