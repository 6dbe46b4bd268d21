"""Labels of a micrograph's pixels, from picks and from masks of pollution."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .network import PARTICLE, POLLUTION


def discs(
    grid: tuple[int, int],
    shape: tuple[int, int],
    picks: npt.NDArray[np.float64],
    radius: float,
) -> npt.NDArray[np.bool_]:
    """Discs about picks, on a grid of any coarseness.

    Parameters
    ----------
    grid
        (h, w) of what is returned; pixel (i, j) of it is True where its centre is inside a disc.
    shape
        (ny, nx) of the micrograph.
    picks : (n, 2)
        y and x in pixels of the micrograph; those outside count as far as their discs reach in.
    radius
        Pixels of the micrograph.
    """
    inside = np.zeros(grid, dtype=bool)
    step = np.array(shape) / np.array(grid)
    for centre in picks:
        # The centre of coarse pixel i is at micrograph coordinate (i + 1/2) step - 1/2.
        middle = (centre + 0.5) / step - 0.5
        reach = radius / step
        low = np.maximum(np.ceil(middle - reach), 0).astype(int)
        high = np.minimum(np.floor(middle + reach) + 1, grid).astype(int)
        if (low >= high).any():
            continue
        y = (np.arange(low[0], high[0]) - middle[0]) / reach[0]
        x = (np.arange(low[1], high[1]) - middle[1]) / reach[1]
        inside[low[0] : high[0], low[1] : high[1]] |= y[:, None] ** 2 + x**2 <= 1
    return inside


def label_map(
    particles: npt.NDArray[np.bool_], pollution: npt.NDArray[np.bool_] | None = None
) -> npt.NDArray[np.uint8]:
    """Labels (h, w): particle where picked, else pollution where painted, else background."""
    labels = np.zeros(particles.shape, dtype=np.uint8)
    if pollution is not None:
        labels[pollution] = POLLUTION
    labels[particles] = PARTICLE
    return labels
