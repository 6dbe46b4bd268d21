"""Fourier ring correlation with the truth, where it falls below a threshold, and spectral SNR.

Ring k of `bins` holds the frequencies about k / (2 (bins - 1)) cycles per pixel; the corners beyond
Nyquist are left out. A gain that is one number in each ring never changes an FRC.
"""

from __future__ import annotations

import torch

from ..signal.shells import shell_sums


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


def spectral_snr(
    images: torch.Tensor, truth: torch.Tensor, bins: int | None = None
) -> torch.Tensor:
    """Power of the truth in images over that of all else, ring by ring.

    In each ring the images are split into a multiple of the truth and a rest that is orthogonal to
    it, over all images together; the ratio of their powers is FRC² / (1 - FRC²).

    Parameters
    ----------
    images, truth : (n, box, box) float
    bins
        See `frc`.

    Returns
    -------
    snr : (bins,)
        0 where the correlation is not positive, infinite where nothing but the truth is there.
    """
    square = pooled_frc(images, truth, bins).clamp(0, 1).square()
    return square / (1 - square)


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
