"""RELION's background convention: mean 0 and sd 1 outside a circle about the box centre."""

from __future__ import annotations

from functools import lru_cache

import torch

RING_RADIUS = 0.375
"""Radius of the circle as a fraction of the box: Extract's default diameter is 0.75 box."""


@lru_cache(maxsize=32)
def ring_mask(box: int, device: torch.device | str = "cpu") -> torch.Tensor:
    """Pixels outside the circle of radius `RING_RADIUS` * box.

    Parameters
    ----------
    box
        Image size in pixels; the centre is pixel box // 2, as in RELION.
    device
        Where the mask lives.

    Returns
    -------
    mask : (box, box) bool tensor
    """
    d = torch.arange(box, device=device) - box // 2
    return (d[:, None] ** 2 + d[None, :] ** 2) > (RING_RADIUS * box) ** 2


def ring_statistics(images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and standard deviation of the background ring of each image.

    Parameters
    ----------
    images : (n, box, box) float tensor

    Returns
    -------
    mean, sd : (n, 1, 1) tensors
        `sd` is 0 for an image whose background is constant.
    """
    ring = images.flatten(1).index_select(1, _places(images.shape[-1], images.device)).double()
    mean = ring.mean(dim=1, keepdim=True)
    sd = (ring - mean).square_().mean(dim=1, keepdim=True).sqrt()
    return mean[..., None].to(images.dtype), sd[..., None].to(images.dtype)


@lru_cache(maxsize=32)
def _places(box: int, device: torch.device | str) -> torch.Tensor:
    """Pixels of `ring_mask` in a flattened image: far faster to gather by than the mask."""
    return ring_mask(box).flatten().nonzero()[:, 0].to(device)
