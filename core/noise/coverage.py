"""How much different noise blocks hold: overlaps count once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEEDED = 400
"""Boxes' worth of different noise below which a network begins to know the noise by heart.

A small network that had seen 25,600 images had an error on new noise 1.38 times that on its own
noise with 32 boxes' worth, 1.05 times with 100, 1.03 with 200, 1.01 with 400, 1.00 with 1000.
"""
_CELLS = 8


def covered(positions: npt.NDArray[np.float64], box: int) -> float:
    """Measure the area of a micrograph that lies in some block, to an eighth of a block.

    Parameters
    ----------
    positions : (n, 2)
        Centres of the blocks, y and x in pixels.
    box
        Of the blocks, pixels.

    Returns
    -------
    area
        In boxes.
    """
    span = np.arange(_CELLS)
    corners = np.rint(positions * _CELLS / box).astype(np.int64).reshape(-1, 2)
    y = corners[:, 0, None, None] + span[:, None]
    x = corners[:, 1, None, None] + span
    return len(np.unique(y * (1 << 20) + x)) / _CELLS**2
