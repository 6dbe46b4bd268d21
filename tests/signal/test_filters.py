"""Radial filters do what is known on paper."""

import pytest
import torch

from core.signal.agreement import masked_correlation
from core.signal.filters import wiener_filter
from core.signal.spectrum import noise_with_power, radial_power


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
    images = torch.randn(3, 24, 24)
    ones, zeros = torch.ones(13), torch.zeros(13)
    torch.testing.assert_close(wiener_filter(images, ones, zeros), images, rtol=0, atol=1e-5)
    torch.testing.assert_close(wiener_filter(images, ones, ones), images / 2, rtol=0, atol=1e-5)
    assert not wiener_filter(images, zeros, ones).any()
    assert not wiener_filter(images, zeros, zeros).any()


def test_a_wiener_filter_for_each_image() -> None:
    images = torch.randn(3, 24, 24)
    signal = radial_power(torch.randn(3, 24, 24))
    together = wiener_filter(images, signal, torch.ones(3, 13))
    for k in range(3):
        alone = wiener_filter(images[k : k + 1], signal[k], torch.ones(13))
        torch.testing.assert_close(together[k : k + 1], alone)
