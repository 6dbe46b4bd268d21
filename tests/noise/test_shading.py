"""Shading goes, the ice's own texture stays, and binning loses nothing."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from core.noise.shading import (
    SLOW,
    bin_centres,
    bin_mean,
    bin_sum,
    measure_shading,
    robust_sd,
)

from .flattened import flatten
from .synthetic_ice import LEVEL, SD, add_ball, ice

PIXEL = 4.0


@settings(deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 30)] * 2), factor=st.integers(1, 9), seed=st.integers(0, 99)
)
def test_bins(shape: tuple[int, int], factor: int, seed: int) -> None:
    image = np.random.default_rng(seed).normal(size=shape).astype(np.float32)
    sums, means = bin_sum(image, factor), bin_mean(image, factor)
    assert sums.dtype == means.dtype == np.float32
    assert sums.shape == tuple(-(-side // factor) for side in shape)
    for i, j in np.ndindex(*sums.shape):
        part = image[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor]
        assert sums[i, j] == pytest.approx(part.sum(), abs=1e-4)
        assert means[i, j] == pytest.approx(part.mean(), abs=1e-4)
    np.testing.assert_array_equal(bin_sum(image > 0, 1), image > 0)


def everywhere(
    micrograph: npt.NDArray[np.float32], background: npt.NDArray[np.bool_] | None, factor: int = 4
) -> npt.NDArray[np.float32]:
    binned = bin_mean(micrograph, factor)
    if background is None:
        background = np.ones(binned.shape, dtype=bool)
    shading = measure_shading(binned, background, factor, PIXEL)
    return shading.at(*(bin_centres(side, 1) for side in micrograph.shape))


@pytest.mark.parametrize("factor", [1, 3, 8])
def test_shading_is_what_a_wide_gaussian_leaves(factor: int) -> None:
    micrograph = ice(1, (420, 500))
    y, x = np.ogrid[:420, :500]
    micrograph += (20 * np.sin(y / 300) * np.cos(x / 250)).astype(np.float32)
    expected = gaussian_filter(micrograph, SLOW / PIXEL, mode="reflect")
    found = everywhere(micrograph, None, factor)
    assert found.dtype == np.float32
    assert np.abs(found - expected).max() < 0.1 * SD


def test_places_of_binned_and_whole_pixels_agree() -> None:
    micrograph = ice(2, (240, 300))
    shading = measure_shading(bin_mean(micrograph, 5), np.ones((48, 60), dtype=bool), 5, PIXEL)
    whole = shading.at(bin_centres(240, 1), bin_centres(300, 1))
    np.testing.assert_allclose(
        shading.at(bin_centres(48, 5), bin_centres(60, 5)), whole[2::5, 2::5], rtol=1e-5
    )
    np.testing.assert_allclose(
        shading.at(np.arange(30, 60), np.arange(10, 90)), whole[30:60, 10:90], rtol=1e-5
    )


def test_dirt_casts_no_shadow_on_the_ice_around() -> None:
    """What is labelled is left out of the average; a plain filter would follow it down."""
    micrograph = ice(3, (400, 400))
    clean = everywhere(micrograph, None)
    add_ball(micrograph, 200, 200, 160, 60)
    y, x = np.ogrid[:100, :100]
    background = np.hypot(y - 49.5, x - 49.5) > 22
    ring = np.hypot(*np.ogrid[-200:200, -200:200]) > 100
    assert np.abs(everywhere(micrograph, background) - clean)[ring].max() < 0.3 * SD
    assert np.abs(everywhere(micrograph, None) - clean)[ring].max() > 3 * SD
    nowhere = everywhere(micrograph, np.zeros((100, 100), dtype=bool))
    np.testing.assert_allclose(nowhere, everywhere(micrograph, None), rtol=1e-6)


def test_flattening_takes_the_shading_and_the_scale() -> None:
    micrograph = ice()
    flat = flatten(micrograph, PIXEL)
    assert flat.dtype == np.float32
    assert np.std(flat) == pytest.approx(1, abs=0.05)
    left = gaussian_filter(flat, 20)[40:-40, 40:-40]
    assert np.abs(left).max() < 0.35
    np.testing.assert_allclose(flatten(20 * micrograph - 5, PIXEL), flat, atol=5e-3)
    dirty = micrograph.copy()
    dirty[:40, :40] += 200  # the scale is a robust one
    assert np.std(flatten(dirty, PIXEL)[100:, 100:]) == pytest.approx(1, abs=0.15)
    constant = flatten(np.full((64, 64), LEVEL, dtype=np.float32), PIXEL)
    assert np.abs(constant).max() < 0.5
    assert not flatten(np.zeros((64, 64), dtype=np.float32), PIXEL).any()


def test_robust_sd() -> None:
    values = np.random.default_rng(0).normal(3, 2, 20000)
    assert robust_sd(values) == pytest.approx(2, rel=0.03)
    values[:1000] = 1e6
    assert robust_sd(values) == pytest.approx(2, rel=0.1)
