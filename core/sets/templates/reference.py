"""The views of a reference volume or of class averages, as particles of a set may show them."""

from __future__ import annotations

import math

import torch

from ...errors import IceblockError
from ...signal.background import ring_statistics
from ...signal.fourier import fourier_resize
from ...simulate.projection import VolumeTransform, crop_centre
from ...simulate.volume import Volume
from ..classes.polar import PolarGrid

DIRECTIONS = 800
"""Views that are made: their directions lie 7 degrees apart."""
ROOM = 1.0
"""Longest side of a reference as a part of the images' box."""
LEAST_PIXELS = 4
"""Pixels that a reference is across, at the least."""
_PIECE = 50
_GOLDEN = math.pi * (3 - math.sqrt(5))


def directions(count: int) -> torch.Tensor:
    """Give rotation matrices (count, 3, 3) to directions of view spread evenly over the sphere.

    They lie on a Fibonacci lattice. What is seen from behind is a mirror image, so both half
    spheres count; turns in the plane do not.
    """
    number = torch.arange(count, dtype=torch.float64)
    cosine = 1 - (2 * number + 1) / count
    sine, rot = (1 - cosine.square()).sqrt(), number * _GOLDEN
    axis = torch.stack([sine * rot.cos(), sine * rot.sin(), cosine], dim=1)
    across = torch.stack([-rot.sin(), rot.cos(), torch.zeros_like(rot)], dim=1)
    return torch.stack([torch.linalg.cross(across, axis), across, axis], dim=2).float()


def projections(volume: Volume, grid: PolarGrid, count: int = DIRECTIONS) -> torch.Tensor:
    """Project a volume in all directions.

    Parameters
    ----------
    volume
        At the pixel size of the images, white.
    grid
        Of the images; of a volume that does not fit into their box the middle is seen.
    count
        Directions.

    Returns
    -------
    views : (count, rings, turns)
        Polar samples in the volume's units.

    Raises
    ------
    IceblockError
        If the volume is larger than the images, or next to nothing in them.
    """
    transform = VolumeTransform(volume)
    field = grid.box * volume.pixel_size
    if not LEAST_PIXELS * volume.pixel_size <= transform.diameter <= ROOM * field:
        raise IceblockError(
            f"Volume {volume.name} is {transform.diameter:.0f} Å across, and the images show "
            f"{field:.0f} Å: check the pixel size in its header, or cut out the particle."
        )
    made = [
        grid.sample(crop_centre(transform.project(some), grid.box))
        for some in torch.split(directions(count), _PIECE)
    ]
    return torch.cat(made)


def averages(images: torch.Tensor, pixel_size: float, grid: PolarGrid, to: float) -> torch.Tensor:
    """Sample class averages, at another pixel size, as views.

    Parameters
    ----------
    images : (k, b, b)
        White particles.
    pixel_size, to
        Å, of the class averages and of the images on the grid.
    grid
        Of the images.

    Returns
    -------
    views : (k, rings, turns)
        Polar samples in the class averages' units.
    """
    images = images - ring_statistics(images)[0]
    padded, box = _boxes(images.shape[-1], pixel_size / to)
    resized = fourier_resize(crop_centre(images, padded), box)
    return grid.sample(crop_centre(resized, grid.box))


def _boxes(box: int, ratio: float) -> tuple[int, int]:
    """Give an even box about a box, and what becomes of it, even, so that the ratio is met."""
    around = range(box + box % 2, box + 42, 2)
    made = [(padded, max(2, 2 * round(padded * ratio / 2))) for padded in around]
    return min(made, key=lambda pair: abs(pair[1] / pair[0] / ratio - 1))


def distinct(
    views: torch.Tensor, weight: torch.Tensor, limit: float, turns: int = 64
) -> tuple[torch.Tensor, torch.Tensor]:
    """Leave out views that look like others, turned; so symmetry need not be known.

    Parameters
    ----------
    views : (k, rings, turns)
        Polar samples.
    weight : (rings,)
        Of a sample's squared difference.
    limit
        Weighted sum of squared differences up to which views are alike.
    turns
        Tried.

    Returns
    -------
    kept : (m,)
        Which stay, rising.
    shares : (m,)
        Part of all views that each stands for.
    """
    half = turns // 2
    spectra = torch.fft.rfft(views * weight.sqrt()[:, None])[..., :half]
    spectra = spectra.permute(2, 0, 1).contiguous()  # (frequencies, k, rings)
    energy = (views.square().sum(-1) * weight).sum(1)
    apart = torch.empty(len(views), len(views))
    for rows in torch.split(torch.arange(len(views)), _PIECE):
        products = (spectra @ spectra[:, rows].mH).permute(2, 1, 0)
        fits = torch.fft.irfft(products, n=turns).amax(2) * (turns / views.shape[-1])
        apart[rows] = energy[rows, None] + energy - 2 * fits
    kept: list[int] = []
    counts = torch.zeros(len(views))
    for number, own in enumerate(apart):
        mine = own[kept]
        if kept and float(mine.min()) <= limit:
            counts[kept[int(mine.argmin())]] += 1
        else:
            kept.append(number)
            counts[number] += 1
    chosen = torch.tensor(kept)
    return chosen, counts[chosen] / len(views)
