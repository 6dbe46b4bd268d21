"""How images are shown to a network and to a set's prior: normalised, at their pixel sizes."""

from __future__ import annotations

from collections.abc import Iterable

import torch

from ..images.validation import SMALLEST_BOX
from ..sets.covariance.learn import LARGEST_BOX
from ..signal.background import ring_statistics
from ..signal.fourier import fourier_resize

Geometry = tuple[int, float]
"""Box in pixels and pixel size in Å, by which images belong to the same set."""
SAME = 1.01
"""Ratio of pixel sizes up to which images are one set: calibrations differ by as much."""


def geometry_of(box: int, pixel_size: float) -> Geometry:
    """Name the geometry of images; pixel sizes that differ by rounding alone are the same."""
    return box, round(pixel_size, 4)


def sets_among(geometries: Iterable[Geometry]) -> list[Geometry]:
    """Join images of the same box, and pixel sizes within `SAME`, in sets, whatever their order.

    Returns
    -------
    sets
        Sorted; each has the smallest pixel size of its images.
    """
    found: list[Geometry] = []
    for box, size in sorted({geometry_of(*geometry) for geometry in geometries}):
        if not found or found[-1][0] != box or size > SAME * found[-1][1]:
            found.append((box, size))
    return found


def set_of(sets: Iterable[Geometry], box: int, pixel_size: float) -> Geometry | None:
    """Find the set that images belong to; None where there is none for them.

    Parameters
    ----------
    sets
        From `sets_among`.
    box, pixel_size
        Pixels; Å.
    """
    _, size = geometry_of(box, pixel_size)
    near = [s for s in sets if s[0] == box and s[1] <= SAME * size and size <= SAME * s[1]]
    smaller = [s for s in near if s[1] <= size]
    return max(smaller) if smaller else min(near, default=None)


def normalised(raw: torch.Tensor, contrast: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Bring the background to mean 0 and sd 1, and particles to white.

    Parameters
    ----------
    raw : (n, box, box) float32
    contrast
        1 for white particles, -1 for black ones.

    Returns
    -------
    images : (n, box, box)
        0 where they are unusable.
    unusable : (n,) bool
        True for images that hold NaN or infinite values or whose background is constant.
    """
    mean, sd = ring_statistics(raw)
    # A constant background has an sd of at most one unit in the last place, by rounding.
    rounding = torch.finfo(torch.float32).eps * mean.abs()
    usable_sd = torch.isfinite(sd) & (sd > rounding) & (sd > 0)
    finite = (raw * 0).sum(dim=(1, 2)) == 0  # NaN and infinity times 0 are NaN
    unusable = ~(finite & usable_sd[:, 0, 0])
    images = (raw - mean).mul_(contrast / sd)
    return images.masked_fill_(unusable[:, None, None], 0.0), unusable


def working_view(
    images: torch.Tensor, pixel_size: float, working_pixel_size: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Show normalised images as a network sees them.

    Returns
    -------
    seen : (n, b, b)
        At the working pixel size, normalised again.
    sd : (n, 1, 1)
        That they were divided by.
    """
    box = working_box(images.shape[-1], pixel_size, working_pixel_size)
    return _at(images, box)


def set_view(seen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Show images, as a network sees them, to the prior of their set; see `working_view`."""
    return _at(seen, min(seen.shape[-1] // 2 * 2, LARGEST_BOX))


def _at(images: torch.Tensor, box: int) -> tuple[torch.Tensor, torch.Tensor]:
    small = fourier_resize(images, box)
    mean, sd = ring_statistics(small)
    sd = torch.where(sd > 0, sd, 1.0)
    return (small - mean) / sd, sd


def working_box(box: int, pixel_size: float, working_pixel_size: float) -> int:
    """Box at which the network sees an image, a multiple of 4 where the image is cropped.

    It is rounded down: the network sees the working pixel size or a little more, never less, which
    would cost time and show it what it was not trained for. Multiples of 8 need no padding in the
    network and are taken where they cost at most 5 % of the resolution.

    Parameters
    ----------
    box
        Pixels.
    pixel_size, working_pixel_size
        Å. Images that are coarser than the working pixel size keep their box.
    """
    exact = box * pixel_size / working_pixel_size
    wanted = 8 * int(exact / 8)
    if exact > 1.05 * wanted:
        wanted = 4 * int(exact / 4)
    return min(box, max(SMALLEST_BOX, wanted))


def seen_by_network(box: int, pixel_size: float, working_pixel_size: float) -> tuple[int, float]:
    """Give box and pixel size (Å) at which the network sees images."""
    small = working_box(box, pixel_size, working_pixel_size)
    return small, box * pixel_size / small
