"""RELION's background convention: mean 0 and sd 1 outside a circle about the box centre."""

from __future__ import annotations

from functools import lru_cache

import torch

RING_RADIUS = 0.375
"""Radius of the circle as a fraction of the box: Extract's default diameter is 0.75 box."""
FAR = 6.0
"""Standard deviations beyond which a pixel of the ring does not count; noise hardly gets there."""
SAMPLE = 1024
"""Pixels of a ring, about, that tell where these limits are."""
_QUARTILES = 1.349  # standard deviations between the quartiles of Gaussian values


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
    """Mean and standard deviation of the background ring of each image, as RELION defines them.

    Pixels of the ring that lie more than `FAR` standard deviations from its median are left out:
    a hot pixel, a dead line or a gold bead would change both. An image without such pixels has
    exactly RELION's values.

    Parameters
    ----------
    images : (n, box, box) float tensor

    Returns
    -------
    mean, sd : (n, 1, 1) tensors
        `sd` is 0 for an image whose background is constant.
    """
    ring = images.flatten(1).index_select(1, _places(images.shape[-1], images.device))
    low, high = _limits(ring)
    exact = ring.double()
    clean = (ring.amin(dim=1) >= low) & (ring.amax(dim=1) <= high)
    # A GPU would have to wait for this answer, so the shorter way is the CPU's alone.
    if ring.device.type == "cpu" and bool(clean.all()):
        mean = exact.mean(dim=1, keepdim=True)
        sd = (exact - mean).square_().mean(dim=1, keepdim=True).sqrt()
    else:
        # Not a number is kept, so that it shows in the values.
        kept = ~((ring < low[:, None]) | (ring > high[:, None]))
        count = kept.sum(dim=1, keepdim=True)
        mean = torch.where(kept, exact, 0).sum(dim=1, keepdim=True) / count
        spread = torch.where(kept, exact - mean, 0).square_()
        sd = (spread.sum(dim=1, keepdim=True) / count).sqrt()
    return mean[..., None].to(images.dtype), sd[..., None].to(images.dtype)


def _limits(ring: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Lowest and highest value (n,) that a ring (n, m) may have, told from its quartiles."""
    sample = ring[:, :: -(-ring.shape[1] // SAMPLE)].sort(dim=1).values
    n = sample.shape[1]
    lower, median, upper = (sample[:, n * quarter // 4] for quarter in (1, 2, 3))
    reach = FAR * (upper - lower) / _QUARTILES
    reach = torch.where(reach > 0, reach, torch.inf)  # most of it is one value: all of it counts
    return median - reach, median + reach


@lru_cache(maxsize=32)
def _places(box: int, device: torch.device | str) -> torch.Tensor:
    """Pixels of `ring_mask` in a flattened image: far faster to gather by than the mask."""
    return ring_mask(box).flatten().nonzero()[:, 0].to(device)
