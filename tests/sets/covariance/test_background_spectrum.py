"""The noise's spectrum is found beside particles, whatever they are."""

import pytest
import torch

from core.sets.covariance.background import FLOOR, BackgroundSpectrum
from core.signal.spectrum import ice_like_power, noise_with_power


@pytest.mark.parametrize("brightness", [0.0, 5.0])
def test_spectrum_of_the_surroundings(brightness: float) -> None:
    """A bright particle in the middle changes nothing."""
    wanted = ice_like_power().reshape(-1)
    noise = noise_with_power(wanted.expand(600, -1), 64, torch.Generator().manual_seed(1))
    noise[:, 20:44, 20:44] += brightness
    spectrum = BackgroundSpectrum(64)
    for piece in noise.split(100):
        spectrum.add(piece)
    power = spectrum.power().float()
    expected = torch.nn.functional.interpolate(
        wanted[None, None], size=33, mode="linear", align_corners=True
    )[0, 0]
    assert torch.allclose(power[3:-1], expected[3:-1], rtol=0.12)


def test_power_is_never_nothing() -> None:
    """Frequencies that a detector's software has removed are not infinitely certain."""
    power = torch.ones(33)
    power[10:] = 0
    noise = noise_with_power(power.expand(200, -1), 64, torch.Generator().manual_seed(2))
    spectrum = BackgroundSpectrum(64)
    spectrum.add(noise)
    found = spectrum.power()
    assert (found >= 0.9 * FLOOR * found.mean()).all()
