"""Filters that are one gain in each ring of Fourier space."""

from __future__ import annotations

import torch

from .spectrum import radial_index, radial_power


def wiener_filter(
    images: torch.Tensor, signal_power: torch.Tensor, noise_power: torch.Tensor
) -> torch.Tensor:
    """Radial Wiener filter: each ring times S / (S + N).

    Parameters
    ----------
    images : (n, box, box)
    signal_power, noise_power : (bins,) or (n, bins)
        As `radial_power` gives them; from the truth it is the oracle filter.
    """
    gain = signal_power / (signal_power + noise_power).clamp(min=1e-30)
    index = radial_index(images.shape[-1], gain.shape[-1], images.device)
    box = images.shape[-2:]
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain[..., index], s=box)
    return filtered


def oracle_wiener(noisy: torch.Tensor, clean: torch.Tensor) -> torch.Tensor:
    """Filter (n, box, box) images knowing the spectra of each one's signal and noise."""
    bins = noisy.shape[-1] // 2 + 1
    signal, noise = radial_power(clean, bins), radial_power(noisy - clean, bins)
    return wiener_filter(noisy, signal, noise)


def gaussian(images: torch.Tensor, sigma_pixels: float) -> torch.Tensor:
    """Smooth (n, box, box) images by a Gaussian of a standard deviation, in Fourier space."""
    frequency = torch.linspace(0, 0.5, images.shape[-1] // 2 + 1, device=images.device)
    gain = torch.exp(-2 * (torch.pi * sigma_pixels * frequency).square())
    return wiener_filter(images, gain, 1 - gain)
