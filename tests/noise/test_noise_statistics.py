"""The numbers that a card keeps of noise say what the noise was."""

import json

import numpy as np
import pytest
import torch

from core.noise.source import BlockNoise, SpectrumNoise
from core.noise.statistics import IMAGES, RINGS, noise_statistics
from core.signal.spectrum import ice_like_power


@pytest.mark.parametrize("box", [48, 64, 96])
def test_the_spectrum_is_found_in_any_box(box: int) -> None:
    wanted = ice_like_power(RINGS)
    found = noise_statistics(SpectrumNoise(wanted, variation=0.0), box, 4.0)
    frequency = np.asarray(found["frequency"])
    assert len(frequency) == min(RINGS, box // 2 + 1)
    assert frequency[-1] == 0.125
    true = np.interp(frequency, np.linspace(0, 0.125, RINGS), wanted[0].numpy())
    ratio = np.asarray(found["mean"])[3:-1] / true[3:-1]
    np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=0.1)
    assert np.mean(found["mean"]) == pytest.approx(1, abs=1e-3)


def test_what_varies_is_told() -> None:
    still, varied = (
        noise_statistics(SpectrumNoise(torch.ones(1, RINGS), variation), 64, 4.0)
        for variation in (0.0, 0.5)
    )
    for found in (still, varied):
        assert all(
            low < mean < high
            for low, mean, high in zip(
                found["lowest"][1:], found["mean"][1:], found["highest"][1:], strict=True
            )
        )
    assert (
        varied["highest"][20] / varied["lowest"][20]
        > 2 * still["highest"][20] / (still["lowest"][20])
    )


def test_moments_of_noise_that_is_not_gaussian() -> None:
    odd = np.random.default_rng(0).exponential(size=(8, 48, 48)).astype(np.float32) - 1
    found = noise_statistics(BlockNoise(torch.from_numpy(odd)), 32, 4.0)
    assert found["skewness"] > 1
    assert found["kurtosis"] > 2


def test_it_is_json_and_the_same_again() -> None:
    source = SpectrumNoise(ice_like_power())
    found = noise_statistics(source, 32, 4.0)
    assert json.loads(json.dumps(found)) == found == noise_statistics(source, 32, 4.0)
    assert found["images"] == IMAGES
