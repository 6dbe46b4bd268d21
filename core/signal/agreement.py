"""How well images agree with the truth: inside a mask, and ring by ring in Fourier space (FRC).

Ring k of `bins` holds the frequencies about k / (2 (bins - 1)) cycles per pixel; the corners beyond
Nyquist are left out. A gain that is one number in each ring never changes an FRC.
"""

from __future__ import annotations

import torch

from .shells import shell_sums


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


def frc(images: torch.Tensor, truth: torch.Tensor, bins: int | None = None) -> torch.Tensor:
    """Correlate images with their truths in rings.

    Parameters
    ----------
    images, truth : (n, box, box) float
    bins
        Number of rings, by default (and at most) box // 2 + 1.

    Returns
    -------
    curve : (n, bins)
        From -1 to 1; 0 in rings where either side has no power.
    """
    bins = bins or images.shape[-1] // 2 + 1
    cross, own, true = _ring_products(images, truth, bins)
    return _ratio(cross, own, true)


def pooled_frc(images: torch.Tensor, truth: torch.Tensor, bins: int | None = None) -> torch.Tensor:
    """Correlate in rings that hold the coefficients of all images together, (bins,)."""
    bins = bins or images.shape[-1] // 2 + 1
    cross, own, true = (part.sum(0) for part in _ring_products(images, truth, bins))
    return _ratio(cross, own, true)


def crossing(curve: torch.Tensor, pixel_size: float, threshold: float = 0.5) -> torch.Tensor:
    """Resolution at which a curve first falls below a threshold.

    Parameters
    ----------
    curve : (bins,) or (n, bins)
        FRC or FSC; its first value, at zero frequency, is not looked at.
    pixel_size
        Å.
    threshold
        Usually 0.5 or 0.143 (1/7).

    Returns
    -------
    resolution : () or (n,)
        Å, interpolated linearly in frequency. Infinite where the curve lies below the threshold
        from its first ring on; twice the pixel size where it never falls below. Take the crossing
        of a mean curve, not the mean of crossings.
    """
    bins = curve.shape[-1]
    below = curve < threshold
    below[..., 0] = False
    fallen = below.any(-1)
    first = below.to(torch.uint8).argmax(-1).clamp(min=1)
    after = curve.gather(-1, first[..., None])[..., 0]
    before = curve.gather(-1, (first - 1)[..., None])[..., 0]
    step = before - after
    part = torch.where(step > 0, (before - threshold) / step.clamp(min=1e-12), 0.0)
    ring = torch.where(fallen, first - 1 + part.clamp(0, 1), float(bins - 1))
    ring = torch.where(fallen & (first == 1), 0.0, ring)
    return 2 * (bins - 1) * pixel_size / ring


def _ring_products(
    images: torch.Tensor, truth: torch.Tensor, bins: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Cross power and both powers, (n, bins) each."""
    one, other = torch.fft.rfft2(images), torch.fft.rfft2(truth)
    products = ((one * other.conj()).real, one.abs().square(), other.abs().square())
    cross, own, true = (shell_sums(product, 2, bins) for product in products)
    return cross, own, true


def _ratio(cross: torch.Tensor, own: torch.Tensor, true: torch.Tensor) -> torch.Tensor:
    length = own.sqrt() * true.sqrt()
    return torch.where(length > 0, cross / length.clamp(min=1e-30), 0.0)
