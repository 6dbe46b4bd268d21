"""Noise and signal of a data set are read from its images alone."""

import numpy as np
import pytest
import torch

from core.evaluate.data_set import background, compare_noise, compare_statistics, estimate_snr
from core.figures.gallery import normalise
from core.noise.source import SpectrumNoise
from core.noise.statistics import noise_statistics
from core.signal.spectrum import ice_like_power, noise_with_power, radial_power
from core.simulate.pairs import PairGenerator, Pairs, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

BOX, PIXEL = 64, 5.0
ICE = ice_like_power()


def noise(n: int, power: torch.Tensor = ICE, seed: int = 0) -> np.ndarray:
    random = torch.Generator().manual_seed(seed)
    return noise_with_power(power.expand(n, -1), BOX, random).numpy()


def particles(snr: float, n: int = 64) -> Pairs:
    volume = VolumeTransform(phantom(3, PIXEL, (140, 160)))
    settings = PairSettings((snr, snr), neighbour_rate=0.0, shift_sd=0.0)
    generator = PairGenerator([volume], SpectrumNoise(ICE, variation=0.0), settings)
    return generator.draw(n, BOX, np.random.default_rng(0), torch.Generator().manual_seed(0))


def test_the_background_is_that_of_the_noise_and_not_of_the_particle() -> None:
    pairs = particles(2.0)
    about = background(pairs.noisy.numpy())
    alone = background(normalise(noise(64, seed=1)))
    band = slice(2, -2)
    np.testing.assert_allclose(about.power[band] / alone.power[band], 1, atol=0.25)
    whole = radial_power(pairs.noisy, len(about.power)).mean(0).numpy()
    assert whole[3] > 1.5 * about.power[3]  # the particle's own power is left out
    assert abs(about.skewness) < 0.05
    assert abs(about.kurtosis) < 0.1


def test_moments_of_other_noise_are_told() -> None:
    odd = np.random.default_rng(0).exponential(size=(8, BOX, BOX)).astype(np.float32) - 1
    about = background(odd)
    assert about.skewness == pytest.approx(2, abs=0.3)
    assert about.kurtosis == pytest.approx(6, abs=2)


def test_equal_noise_is_alike_and_other_noise_is_not() -> None:
    about = background(normalise(noise(64)))
    same = compare_noise(about, 3 * noise(64, seed=5), PIXEL, 2 * PIXEL)
    assert same.ratio < 1.15
    np.testing.assert_allclose(same.power[2:-1] / about.power[2:-1], 1, atol=0.3)
    white = compare_noise(about, noise(64, torch.ones(1, 65)), PIXEL, 2 * PIXEL)
    assert white.ratio > same.ratio + 0.1
    smaller = compare_noise(about, noise(64, seed=5)[:, :40, :40], PIXEL, 2 * PIXEL)
    assert smaller.ratio < 1.2


def test_the_cards_noise_is_compared_as_its_blocks_are() -> None:
    about = background(normalise(noise(64)))
    same = noise_statistics(SpectrumNoise(ICE, variation=0.0), BOX, PIXEL)
    white = noise_statistics(SpectrumNoise(torch.ones(1, 65), variation=0.0), BOX, PIXEL)
    alike = compare_statistics(about, same, PIXEL, 2 * PIXEL)
    assert alike is not None
    assert alike.ratio < 1.15
    np.testing.assert_allclose(alike.power[2:-1] / about.power[2:-1], 1, atol=0.3)
    assert (alike.lowest[2:] < alike.power[2:]).all()
    assert (alike.power[2:] < alike.highest[2:]).all()
    unlike = compare_statistics(about, white, PIXEL, 2 * PIXEL)
    blocks = compare_noise(about, noise(64, torch.ones(1, 65)), PIXEL, 2 * PIXEL)
    assert unlike is not None
    assert unlike.ratio == pytest.approx(blocks.ratio, rel=0.1)


def test_noise_of_another_pixel_size_is_compared_where_both_are_known() -> None:
    about = background(normalise(noise(64)))
    coarse = {"skewness": 0.0, "kurtosis": 0.0, "frequency": [0, 0.025, 0.05]}
    slope = {name: [2.0, 1.5, 1.0] for name in ("mean", "lowest", "highest")}
    match = compare_statistics(about, coarse | slope, PIXEL, 2 * PIXEL)
    assert match is not None
    frequency = np.linspace(0, 0.5 / PIXEL, len(about.power))
    known = frequency <= 0.05
    np.testing.assert_array_equal(np.isnan(match.power), ~known)
    wanted = 2 - 20 * frequency[known]
    np.testing.assert_allclose(match.power[known] / match.power[0], wanted / 2, rtol=1e-6)
    beyond = {**coarse, **slope, "frequency": [10.0, 11.0, 12.0]}
    assert compare_statistics(about, beyond, PIXEL, 2 * PIXEL) is None


@pytest.mark.parametrize("snr", [0.2, 1.0])
def test_the_snr_is_estimated(snr: float) -> None:
    pairs = particles(snr)
    raw = pairs.noisy.numpy()
    found = estimate_snr(raw, pairs.clean.numpy(), background(raw), PIXEL)
    assert found == pytest.approx(snr, rel=0.5)


def test_without_particles_the_snr_is_about_zero() -> None:
    raw = normalise(noise(64, seed=2))
    found = estimate_snr(raw, particles(1.0).clean.numpy(), background(raw), PIXEL)
    assert abs(found) < 0.06
