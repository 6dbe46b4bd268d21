"""How close denoised images come to the truth."""

from __future__ import annotations

import torch

from ..signal.spectrum import radial_index


def masked_correlation(
    images: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Pearson correlation inside a mask; 0 where either side is constant.

    Parameters
    ----------
    images, truth : (n, y, x) float tensors
    mask : (n, y, x) bool tensor

    Returns
    -------
    correlation : (n,)
    """
    weight = mask.to(images.dtype)
    total = weight.sum(dim=(1, 2), keepdim=True).clamp(min=1)

    def unit(x: torch.Tensor) -> torch.Tensor:
        mean = (x * weight).sum(dim=(1, 2), keepdim=True) / total
        apart = (x - mean) * weight
        length = apart.square().sum(dim=(1, 2), keepdim=True).sqrt()
        rounding = 8 * torch.finfo(x.dtype).eps * mean.abs() * total.sqrt()
        return torch.where(length > rounding, apart / length.clamp(min=1e-30), 0.0)

    return (unit(images) * unit(truth)).sum(dim=(1, 2))


def wiener_filter(
    images: torch.Tensor, signal_power: torch.Tensor, noise_power: torch.Tensor
) -> torch.Tensor:
    """Radial Wiener filter: each ring times S / (S + N).

    Parameters
    ----------
    images : (n, box, box)
    signal_power, noise_power : (bins,) or (n, bins)
        As `core.signal.spectrum.radial_power` gives them; from the truth it is the oracle filter.
    """
    gain = signal_power / (signal_power + noise_power).clamp(min=1e-30)
    index = radial_index(images.shape[-1], gain.shape[-1], images.device)
    box = images.shape[-2:]
    filtered: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain[..., index], s=box)
    return filtered
