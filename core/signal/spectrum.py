"""Radial power spectra, and noise made to have one."""

from __future__ import annotations

import torch


def radial_index(box: int, bins: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Bin of every rfft2 coefficient: bin k holds |f| about k / (2 (bins - 1)) cycles per pixel.

    Returns
    -------
    index : (box, box // 2 + 1) int64
        Corners beyond Nyquist fall into the last bin.
    """
    fy = torch.fft.fftfreq(box, device=device)
    fx = torch.fft.rfftfreq(box, device=device)
    radius = (fy[:, None] ** 2 + fx[None, :] ** 2).sqrt()
    index: torch.Tensor = (radius * 2 * (bins - 1)).round().long().clamp(max=bins - 1)
    return index


def radial_power(images: torch.Tensor, bins: int | None = None) -> torch.Tensor:
    """Mean power per coefficient in rings of equal width, from zero frequency to Nyquist.

    Parameters
    ----------
    images : (n, box, box) float tensor
    bins
        Number of rings, default box // 2 + 1.

    Returns
    -------
    power : (n, bins) float tensor
        Scaled so that white noise of variance 1 gives 1 in every ring.
    """
    box = images.shape[-1]
    bins = bins or box // 2 + 1
    index = radial_index(box, bins, images.device)
    weight = _hermitian_weight(box, images.device)
    power = torch.fft.rfft2(images).abs().square() * weight / box**2
    total = torch.zeros(images.shape[0], bins, device=images.device, dtype=power.dtype)
    total.index_add_(1, index.flatten(), power.flatten(1))
    count = torch.zeros(bins, device=images.device, dtype=power.dtype)
    count.index_add_(0, index.flatten(), weight.expand(box, -1).flatten())
    filled = count > 0
    mean = total / count.clamp(min=1)
    if not filled.all():  # more rings than the image resolves: repeat the ring below
        last = torch.cummax(torch.where(filled, torch.arange(bins, device=count.device), 0), 0)
        mean = mean[:, last.values]
    return mean


def _hermitian_weight(box: int, device: torch.device | str) -> torch.Tensor:
    """How often each rfft2 column stands for itself and its mirror image (1 or 2)."""
    weight = torch.full((box // 2 + 1,), 2.0, device=device)
    weight[0] = 1
    if box % 2 == 0:
        weight[-1] = 1
    return weight


def noise_with_power(power: torch.Tensor, box: int, generator: torch.Generator) -> torch.Tensor:
    """Gaussian noise with given radial power spectra.

    Parameters
    ----------
    power : (n, bins)
        Power per coefficient as `radial_power` gives it; interpolated linearly to the box.
    box
        Pixels.
    generator
        Source of randomness, on the device of `power`.

    Returns
    -------
    noise : (n, box, box) float32
    """
    n, bins = power.shape
    device = power.device
    white = torch.randn(n, box, box, generator=generator, device=device)
    fy = torch.fft.fftfreq(box, device=device)
    fx = torch.fft.rfftfreq(box, device=device)
    position = (fy[:, None] ** 2 + fx**2).sqrt().clamp(max=0.5) * 2 * (bins - 1)
    lower = position.floor().long().clamp(max=bins - 2)
    part = (position - lower).to(power.dtype)
    gain = power[:, lower] * (1 - part) + power[:, lower + 1] * part
    spectrum = torch.fft.rfft2(white) * gain.clamp(min=0).sqrt()
    noise: torch.Tensor = torch.fft.irfft2(spectrum, s=(box, box))
    return noise


def ice_like_power(bins: int = 65) -> torch.Tensor:
    """Give a radial power spectrum like that of a motion-corrected micrograph's ice.

    A rise towards low frequency (structural noise of ice, uneven thickness) on a floor that falls
    gently towards Nyquist (the detector's transfer function).

    Returns
    -------
    power : (1, bins)
        Of noise with a variance of about 1.
    """
    f = torch.linspace(0, 0.5, bins)
    floor = torch.exp(-1.5 * f)
    rise = 1.5 / (1 + (f / 0.03).square())
    power = floor + rise
    return (power / power.mean())[None]


def with_random_phases(
    images: torch.Tensor, limit: float, generator: torch.Generator
) -> torch.Tensor:
    """Replace phases beyond a frequency by those of white noise; amplitudes stay.

    Parameters
    ----------
    images : (n, box, box)
    limit
        Cycles per pixel.
    generator
        Source of the phases.
    """
    box = images.shape[-1]
    fy, fx = torch.fft.fftfreq(box), torch.fft.rfftfreq(box)
    beyond = (fy[:, None].square() + fx.square()).sqrt() > limit
    spectrum = torch.fft.rfft2(images)
    random = torch.fft.rfft2(torch.randn(images.shape, generator=generator))
    phases = random / random.abs().clamp(min=1e-20)
    mixed = torch.where(beyond, spectrum.abs() * phases, spectrum)
    result: torch.Tensor = torch.fft.irfft2(mixed, s=(box, box))
    return result
