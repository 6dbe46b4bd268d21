"""Noise blocks of one micrograph, cut away from its picks and from particles nobody picked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.ndimage import gaussian_filter, maximum_filter, minimum_filter

from .extractor import empty_windows, thin

if TYPE_CHECKING:
    import numpy.typing as npt


def flatten(micrograph: npt.NDArray[np.float32], pixel_size: float) -> npt.NDArray[np.float32]:
    """Remove shading slower than about 400 Å and bring the median spread to sd 1."""
    smooth = gaussian_filter(micrograph, 400 / pixel_size, mode="reflect")
    flat = micrograph - smooth
    spread = 1.4826 * float(np.median(np.abs(flat - np.median(flat))))
    return np.asarray(flat / max(spread, 1e-12), dtype=np.float32)


def particle_discs(
    shape: tuple[int, int], centres: npt.NDArray[np.float64], radius: float
) -> npt.NDArray[np.bool_]:
    """Discs of `radius` pixels about (n, 2) centres y, x: True inside."""
    discs = np.zeros(shape, dtype=bool)
    reach = int(np.ceil(radius))
    for cy, cx in centres:
        y0, y1 = max(0, int(cy) - reach), min(shape[0], int(cy) + reach + 2)
        x0, x1 = max(0, int(cx) - reach), min(shape[1], int(cx) + reach + 2)
        if y0 >= y1 or x0 >= x1:
            continue
        yy, xx = np.ogrid[y0:y1, x0:x1]
        discs[y0:y1, x0:x1] |= (yy - cy) ** 2 + (xx - cx) ** 2 <= radius**2
    return discs


def odd_regions(
    flat: npt.NDArray[np.float32], picked: npt.NDArray[np.bool_], diameter: float, limit: float
) -> npt.NDArray[np.bool_]:
    """Regions whose power at particle-sized waves stands out from this micrograph's own ice.

    Picks miss particles and junk. Power of waves between a quarter of and one particle
    diameter, averaged over a particle, is compared with its median outside the picks.

    Parameters
    ----------
    flat
        From `flatten`.
    picked
        True inside picked particles.
    diameter
        Particle diameter in pixels.
    limit
        How many robust standard deviations above the median count as odd.
    """
    band = gaussian_filter(flat, diameter / 16) - gaussian_filter(flat, diameter / 3)
    power = gaussian_filter(band**2, diameter / 4)
    background = power[~picked] if (~picked).any() else power
    low = float(np.percentile(background, 25))  # crowded ice: the quieter half is the reference
    spread = max(1e-12, low - float(np.percentile(background, 5))) / 0.97
    return np.asarray(power > low + (0.674 + limit) * spread)


def cut_blocks(
    micrograph: npt.NDArray[np.float32],
    pixel_size: float,
    centres: npt.NDArray[np.float64],
    diameter: float,
    box: int,
    *,
    limit: float = 3.0,
    overlap: float = 0.5,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Cut blocks of background.

    Parameters
    ----------
    micrograph : (ny, nx)
    pixel_size
        Å.
    centres : (n, 2)
        Picks, y and x in pixels.
    diameter
        Particle diameter in Å.
    box
        Block size in pixels.
    limit
        See `odd_regions`.
    overlap
        Largest shared part of two blocks' areas.

    Returns
    -------
    blocks : (k, box, box) float32
        Plane removed, scaled to the micrograph's own unit (`flatten`).
    positions : (k, 2)
        y, x of each block's centre in pixels.
    """
    flat = flatten(micrograph, pixel_size)
    picked = particle_discs(flat.shape, centres, 0.55 * diameter / pixel_size)
    labels = picked | odd_regions(flat, picked, diameter / pixel_size, limit)
    labels |= maximum_filter(micrograph, 5) == minimum_filter(micrograph, 5)  # dead borders
    corners = thin(empty_windows(labels, box, max(1, box // 16)), box, overlap)
    blocks = [remove_plane(flat[y : y + box, x : x + box]) for y, x in corners]
    cut = np.asarray(blocks, dtype=np.float32).reshape(len(blocks), box, box)
    return cut, (corners + box // 2).astype(np.float64)


def remove_plane(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Subtract the least-squares plane of a square block."""
    t = np.arange(block.shape[0]) - (block.shape[0] - 1) / 2
    norm = (t**2).sum() * len(t)
    slope_y = float((block * t[:, None]).sum() / norm)
    slope_x = float((block * t[None, :]).sum() / norm)
    plane = block.mean() + slope_y * t[:, None] + slope_x * t[None, :]
    return np.asarray(block - plane, dtype=np.float32)
