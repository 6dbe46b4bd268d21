"""Blocks unlike the others are told from them; blocks of one kind of noise are not."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.noise.checks import (
    band_powers,
    odd_spectrum,
    odd_values,
    odd_variance,
    outlier_blocks,
)
from core.signal.spectrum import ice_like_power, noise_with_power

BOX = 48


def noise(k: int, seed: int = 0, box: int = BOX) -> npt.NDArray[np.float32]:
    generator = torch.Generator().manual_seed(seed)
    return noise_with_power(ice_like_power().expand(k, -1), box, generator).numpy()


def highest(blocks: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    return np.abs(blocks).max(axis=(1, 2)) / blocks.std(axis=(1, 2)).astype(np.float64)


@settings(deadline=None, max_examples=20)
@given(k=st.integers(1, 60), seed=st.integers(0, 999), box=st.sampled_from([16, 33, 48]))
def test_plain_noise_passes(k: int, seed: int, box: int) -> None:
    blocks = noise(k, seed, box)
    powers, modes, freedom = band_powers(blocks)
    sd = blocks.std(axis=(1, 2)).astype(np.float64)
    odd = [
        outlier_blocks(highest(blocks), box**2),
        odd_variance(sd, freedom),
        odd_spectrum(powers, modes),
    ]
    for mask in odd:
        assert mask.shape == (k,)
        assert mask.dtype == bool
        assert mask.sum() <= 1 + 0.03 * k


@pytest.mark.parametrize("box", [15, 16, 48, 65])
def test_bands_hold_all_power_but_the_mean(box: int) -> None:
    white = np.random.default_rng(0).normal(3, 2, size=(200, box, box)).astype(np.float32)
    powers, modes, freedom = band_powers(white)
    np.testing.assert_allclose(powers.mean(axis=0), 4, rtol=0.12)
    assert 2 * modes.sum() == pytest.approx(box**2 - 1)
    assert freedom == pytest.approx(box**2, rel=0.03)
    total = (powers * modes).sum(axis=1) * 2 / box**2
    np.testing.assert_allclose(total, white.var(axis=(1, 2)), rtol=1e-3)
    spread = powers.std(axis=0) / powers.mean(axis=0)
    np.testing.assert_allclose(spread * np.sqrt(modes), 1, atol=0.25)


def test_a_wave_shows_in_one_band() -> None:
    t = np.arange(BOX)
    for periods in (1, 2, 5, 11, 24):
        wave = np.cos(2 * np.pi * periods * t / BOX)[:, None].repeat(BOX, axis=1)
        powers, *_ = band_powers(wave[None].astype(np.float32))
        assert (powers[0] > 1e-3 * powers[0].max()).sum() == 1


@pytest.mark.parametrize("many", [3, 8, 60])
def test_a_hot_pixel_is_an_outlier_however_many_have_one(many: int) -> None:
    blocks = noise(60)
    hot = np.arange(60) < many
    blocks[hot, 7, 9] = 15
    np.testing.assert_array_equal(outlier_blocks(highest(blocks), BOX**2), hot)


def test_ice_of_few_electrons_may_have_longer_tails() -> None:
    counts = np.random.default_rng(0).poisson(4, size=(100, BOX, BOX)).astype(np.float32) - 4
    assert outlier_blocks(highest(counts), BOX**2).sum() <= 2
    counts[5, 3, 3] = 40
    assert outlier_blocks(highest(counts), BOX**2)[5]


@pytest.mark.parametrize("factor", [0.7, 1.5])
def test_odd_variance(factor: float) -> None:
    blocks = noise(40)
    *_, freedom = band_powers(blocks)
    sd = blocks.std(axis=(1, 2)).astype(np.float64)
    sd[11] *= factor
    assert np.flatnonzero(odd_variance(sd, freedom)).tolist() == [11]
    np.testing.assert_array_equal(odd_variance(1000 * sd, freedom), odd_variance(sd, freedom))


def test_variances_that_differ_all_over_the_micrograph_are_not_odd() -> None:
    sd = np.exp(np.linspace(-0.3, 0.3, 50))
    assert not odd_variance(sd, 2000.0).any()


@pytest.mark.parametrize("periods", [2, 6, 20])
def test_odd_spectrum(periods: int) -> None:
    """A lattice of ice or a fringe of carbon; the block's variance alone does not tell."""
    blocks = noise(40)
    t = np.arange(BOX) * 2 * np.pi * periods / BOX
    blocks[4] += (1.2 * np.cos(t)[:, None]).astype(np.float32)
    blocks[4] *= blocks[5].std() / blocks[4].std()
    powers, modes, _ = band_powers(blocks)
    assert np.flatnonzero(odd_spectrum(powers, modes)).tolist() == [4]
    np.testing.assert_array_equal(odd_spectrum(9 * powers, modes), odd_spectrum(powers, modes))


@settings(deadline=None)
@given(values=st.lists(st.floats(-5, 5), min_size=1, max_size=3), least=st.floats(0.5, 2))
def test_few_rows_are_judged_mildly(values: list[float], least: float) -> None:
    odd = odd_values(np.array(values)[:, None] / 10, np.array([least]))
    assert not odd.any()


def test_no_rows_and_equal_rows() -> None:
    assert odd_values(np.empty((0, 3)), np.ones(3)).shape == (0,)
    assert not odd_values(np.full((9, 3), 7.0), np.full(3, 0.01)).any()
    assert outlier_blocks(np.empty(0), 100).shape == (0,)
