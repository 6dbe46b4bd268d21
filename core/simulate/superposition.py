"""Particles, their neighbours and noise in one image, and the masks of particles."""

from __future__ import annotations

import torch

from ..signal.background import ring_statistics


def superimpose(
    clean: torch.Tensor,
    mask: torch.Tensor,
    crowd: torch.Tensor,
    noise: torch.Tensor,
    snr: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add signal to noise at given SNRs and normalise on the background ring.

    Parameters
    ----------
    clean, mask, crowd, noise : (n, box, box)
        Centred particles, their supports, neighbours, noise.
    snr : (n,)
        Variance of `clean` inside `mask` over the variance of `noise`.

    Returns
    -------
    noisy, clean : (n, box, box)
        In units of the noisy images' background sd; the clean ones with ring mean 0 too.
    """
    weight = mask.float()
    total = weight.sum(dim=(1, 2)).clamp(min=1)
    mean = (clean * weight).sum(dim=(1, 2)) / total
    variance = ((clean - mean[:, None, None]).square() * weight).sum(dim=(1, 2)) / total
    noise_variance = noise.var(dim=(1, 2), correction=0)
    gain = (snr * noise_variance / variance.clamp(min=1e-20)).sqrt()[:, None, None]
    noisy = noise + gain * (clean + crowd)
    ring_mean, ring_sd = ring_statistics(noisy)
    clean_mean, _ = ring_statistics(clean * gain)
    return (noisy - ring_mean) / ring_sd, (clean * gain - clean_mean) / ring_sd


def support(projections: torch.Tensor, level: float = 0.08) -> torch.Tensor:
    """Pixels where CTF-free projections (n, box, box) exceed a part of their maximum."""
    return projections > level * projections.amax(dim=(1, 2), keepdim=True)


def widen(mask: torch.Tensor, margin: int) -> torch.Tensor:
    """Give (n, y, x) masks a margin of some pixels, as particle masks usually have."""
    size = 2 * margin + 1
    wide = torch.nn.functional.max_pool2d(mask.float()[:, None], size, 1, margin)
    return wide[:, 0] > 0


def windows(images: torch.Tensor, box: int, places: torch.Tensor) -> torch.Tensor:
    """Give (n, m, m) images moved by whole pixels, cut to the box; zero where they do not reach.

    Parameters
    ----------
    images
        Of an even size.
    box
        Pixels.
    places : (n, 2) int64
        Where their centres come to lie from the box's, along y and x.
    """
    m = images.shape[-1]
    span = torch.arange(box, device=images.device) + m // 2 - box // 2
    y, x = (span - places[:, axis, None] for axis in (0, 1))  # (n, box)
    inside = ((y >= 0) & (y < m))[:, :, None] & ((x >= 0) & (x < m))[:, None, :]
    rows = torch.arange(len(images), device=images.device)[:, None, None]
    found = images[rows, y.clamp(0, m - 1)[:, :, None], x.clamp(0, m - 1)[:, None, :]]
    return torch.where(inside, found, 0.0)
