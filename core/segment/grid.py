"""The coarse grid on which micrographs are segmented: a particle is 16 pixels across.

Scaling by the particle, not by the detector, lets one network see any microscope's micrographs
alike, and makes each of them a few hundred pixels wide.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import gaussian_filter

from ..errors import IceblockError

PARTICLE = 16
"""Particle diameter in coarse pixels."""
SMALLEST, LARGEST = 32, 2048
"""Limits of a coarse grid's sides."""
CHANNELS = 2
"""Views of a micrograph that the network sees; see `views`."""


def coarse_shape(
    shape: tuple[int, int], pixel_size: float, particle_diameter: float
) -> tuple[int, int]:
    """Give the coarse grid (h, w) of a micrograph.

    Parameters
    ----------
    shape
        Of the micrograph (ny, nx).
    pixel_size, particle_diameter
        Å.

    Raises
    ------
    IceblockError
        If the particle is no smaller than the micrograph, which tells of a wrong pixel size.
    """
    scale = particle_diameter / pixel_size / PARTICLE
    if particle_diameter >= min(shape) * pixel_size:
        raise IceblockError(
            f"a particle of {particle_diameter:g} Å does not fit into a micrograph of "
            f"{shape[1]} x {shape[0]} pixels of {pixel_size:g} Å; check the particle diameter "
            "and the pixel size"
        )
    scale = max(scale, 1.0, max(shape) / LARGEST)
    h, w = (max(1, round(side / scale)) for side in shape)
    if min(h, w) < SMALLEST:
        # A micrograph with room for two particles or fewer is seen on a finer grid.
        factor = SMALLEST / min(h, w)
        h, w = (min(side, round(c * factor)) for side, c in zip(shape, (h, w), strict=True))
    return h, w


def to_grid(pixels: npt.NDArray[np.float32], grid: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Average a micrograph (ny, nx) onto a coarse grid (h, w) without aliasing."""
    if pixels.shape == grid:
        return pixels.astype(np.float32)
    image = torch.from_numpy(np.ascontiguousarray(pixels, dtype=np.float32))
    # Whole blocks first: a plain mean is many times faster than the filter, which does the rest.
    block = max(1, min(pixels.shape[0] // (2 * grid[0]), pixels.shape[1] // (2 * grid[1])))
    offset = image.mean()
    image = image[None, None] - offset
    if block > 1:
        uneven = [-side % block for side in pixels.shape]
        if any(uneven):
            image = torch.nn.functional.pad(image, (0, uneven[1], 0, uneven[0]), mode="replicate")
        image = torch.nn.functional.avg_pool2d(image, block)
    # Blocks may reach beyond the border; the sides are those of the micrograph nevertheless. The
    # grid's sizes are rounded down from these scales.
    scales = [
        (1 + 1e-9) * wanted * block / side for wanted, side in zip(grid, pixels.shape, strict=True)
    ]
    coarse = torch.nn.functional.interpolate(
        image, scale_factor=scales, mode="bilinear", antialias=True
    )
    return np.asarray((coarse + offset)[0, 0].numpy(), dtype=np.float32)


def views(coarse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Give what the network sees of a coarse micrograph.

    Parameters
    ----------
    coarse : (h, w)
        Any grey values; particles dark, as a microscope gives them.

    Returns
    -------
    views : (2, h, w) float32
        The micrograph without shading slower than four particles, in units of its own spread; and
        the whole grey range in units of its finest noise, compressed by asinh, in which ice
        crystals, carbon and dirt keep their size.
    """
    coarse = coarse - np.float32(np.median(coarse))
    shading = gaussian_filter(coarse, 2 * PARTICLE, mode="reflect")
    flat = coarse - shading
    finest = flat - gaussian_filter(flat, 1.0, mode="reflect")
    unit = max(_spread(finest), 1e-3 * float(np.abs(coarse).max()), 1e-20)
    flat = flat / max(_spread(flat), unit)
    whole = np.arcsinh(coarse / (4 * unit))
    return np.stack([np.clip(flat, -8, 8), whole]).astype(np.float32)


def _spread(values: npt.NDArray[np.float32]) -> float:
    """Robust standard deviation, by the median absolute deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))
