import numpy as np
import pytest

from benchmarks.simulated_micrographs import simulate_micrograph
from core.noise.source import SpectrumNoise
from core.signal.spectrum import ice_like_power
from core.simulate.micrographs import scatter
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

NOISE = SpectrumNoise(ice_like_power(), variation=0.0)


@pytest.fixture(scope="module")
def volume():
    return VolumeTransform(phantom(2, 12.0))


def make(volume, coverage=0.2, snr=4.0, seed=0):
    rng = np.random.default_rng(seed)
    return simulate_micrograph(volume, NOISE, 192, coverage, snr, (15000.0, 25000.0), rng)


def test_places_keep_their_distance():
    places = scatter(100, 9.0, 300, np.random.default_rng(0))
    gaps = np.linalg.norm(places[:, None] - places, axis=-1) + 1e9 * np.eye(len(places))
    assert 20 < len(places) < 300
    assert gaps.min() >= 9.0
    assert places.min() >= 0
    assert places.max() <= 100


def test_particles_are_dark_where_it_says(volume):
    image, places = make(volume)
    yy, xx = np.mgrid[:192, :192]
    near = np.min([np.hypot(yy - y, xx - x) for y, x in places], axis=0)
    radius = volume.diameter / volume.pixel_size / 2
    assert image[near < 0.4 * radius].mean() < image[near > 1.3 * radius].mean() - 0.5


def test_nothing_but_noise_without_particles(volume):
    image, places = make(volume, coverage=0.0)
    assert len(places) == 0
    assert image.std() == pytest.approx(1, abs=0.05)


def test_more_signal_is_more_contrast_and_the_seed_decides_all(volume):
    weak, strong, again = make(volume, snr=0.1), make(volume, snr=4.0), make(volume, snr=4.0)
    np.testing.assert_array_equal(strong[0], again[0])
    np.testing.assert_array_equal(weak[1], strong[1])
    assert strong[0].std() > 1.1 * weak[0].std()
