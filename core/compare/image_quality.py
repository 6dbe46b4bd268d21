"""PSNR and SSIM in four variants, because a single one of them can be made to say anything.

Both compare grey values, and a denoiser's scale is arbitrary: how it is matched decides the score.

`paper`
    Each image and each truth are stretched from minimum to maximum onto 0 … 255 and rounded, as
    scores of pictures saved as 8-bit files are. Outliers decide the scale, and an image that is
    constant becomes 0.
`affine`
    The least-squares fit a · image + b to the truth is compared with it; the range is the truth's.
`masked`
    The same fit, error and range inside the particle mask only.
`box`
    Image and truth are brought to mean 0 and sd 1 over the box; the range is the truth's.
"""

from __future__ import annotations

import numpy as np
import torch

from ..extra import from_extra

VARIANTS = ("paper", "affine", "masked", "box")


def psnr(
    images: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor, variant: str
) -> torch.Tensor:
    """Peak signal-to-noise ratio, 10 log10(range² / mean squared error).

    Parameters
    ----------
    images, truth : (n, box, box) float
    mask : (n, box, box) bool
        The particle; used by `masked` alone.
    variant
        One of `VARIANTS`.

    Returns
    -------
    psnr : (n,) float64
        dB; infinite where the images are equal, NaN where the truth is constant.
    """
    seen, true, peak = _matched(images, truth, mask, variant)
    weight = mask.to(true.dtype) if variant == "masked" else torch.ones_like(true)
    error = _mean((seen - true).square(), weight)
    decibel = 10 * torch.log10(peak.square() / error)
    return torch.where(peak > 0, decibel, torch.nan)


def ssim(
    images: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor, variant: str
) -> torch.Tensor:
    """Structural similarity (Wang et al. 2004: Gaussian window of sd 1.5), by scikit-image.

    Parameters
    ----------
    images, truth : (n, box, box) float
        At least 11 pixels a side.
    mask : (n, box, box) bool
        The particle; `masked` takes the mean of the local similarity inside it.
    variant
        One of `VARIANTS`.

    Returns
    -------
    ssim : (n,) float64
        NaN where the truth is constant.

    Raises
    ------
    IceblockError
        If scikit-image is not installed.
    """
    metrics = from_extra("skimage.metrics")
    seen, true, peak = (x.cpu().numpy() for x in _matched(images, truth, mask, variant))
    inside = mask.cpu().numpy()
    found = np.full(len(true), np.nan)
    for k in np.flatnonzero(peak > 0):
        value, local = metrics.structural_similarity(
            true[k], seen[k], data_range=float(peak[k]), gaussian_weights=True, sigma=1.5,
            use_sample_covariance=False, full=True,
        )  # fmt: skip
        found[k] = local[inside[k]].mean() if variant == "masked" else value
    return torch.from_numpy(found)


def _matched(
    images: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor, variant: str
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Images on the truth's scale, the truth, and its range (n,); all float64."""
    seen, true = images.double(), truth.double()
    everywhere = torch.ones_like(true)
    if variant == "paper":
        constant = true.amax(dim=(1, 2)) == true.amin(dim=(1, 2))
        peak = torch.where(constant, 0.0, 255.0).to(true)
        return _eight_bit(seen), _eight_bit(true), peak
    if variant == "box":
        seen, true = _standardised(seen), _standardised(true)
        return seen, true, true.amax(dim=(1, 2)) - true.amin(dim=(1, 2))
    if variant == "affine":
        return _fitted(seen, true, everywhere), true, _range(true, everywhere)
    if variant == "masked":
        weight = mask.to(true.dtype)
        return _fitted(seen, true, weight), true, _range(true, weight)
    raise ValueError(f"variant {variant!r} is none of {', '.join(VARIANTS)}")


def _eight_bit(images: torch.Tensor) -> torch.Tensor:
    low = images.amin(dim=(1, 2), keepdim=True)
    span = images.amax(dim=(1, 2), keepdim=True) - low
    stretched = 255 * (images - low) / torch.where(span > 0, span, 1.0)
    return stretched.round()


def _standardised(images: torch.Tensor) -> torch.Tensor:
    sd, mean = torch.std_mean(images, dim=(1, 2), correction=0, keepdim=True)
    flat = sd <= _ROUNDING * mean.abs()
    return torch.where(flat, 0.0, (images - mean) / torch.where(flat, 1.0, sd))


def _fitted(images: torch.Tensor, truth: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Give a · image + b closest to the truth where the weight is 1; its mean for a constant."""
    mean = _mean(images, weight)[:, None, None]
    apart = images - mean
    level = _mean(truth, weight)[:, None, None]
    variance = _mean(apart.square(), weight)[:, None, None]
    covariance = _mean(apart * (truth - level), weight)[:, None, None]
    flat = variance <= (_ROUNDING * mean).square()
    slope = torch.where(flat, 0.0, covariance / torch.where(flat, 1.0, variance))
    return level + slope * apart


def _range(images: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    """Largest less smallest value where the weight is 1; 0 where it is nowhere."""
    outside = weight == 0
    high = images.masked_fill(outside, -torch.inf).amax(dim=(1, 2))
    low = images.masked_fill(outside, torch.inf).amin(dim=(1, 2))
    return (high - low).clamp(min=0)


def _mean(values: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
    total = weight.sum(dim=(1, 2)).clamp(min=1)
    return (values * weight).sum(dim=(1, 2)) / total


_ROUNDING = 1e-6
"""Relative spread below which an image of float32 origin is constant."""
