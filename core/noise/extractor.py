"""Algorithm 1 of Tang et al. 2022: windows of a label matrix that hold background alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


def empty_windows(
    labels: npt.NDArray[np.generic], window: int, stride: int
) -> npt.NDArray[np.int64]:
    """Corners of all windows in which every label is zero.

    The listing in the paper never resets `y` and drops the last window of each row; here every
    window that fits is looked at, in constant time each, through an integral image.

    Parameters
    ----------
    labels : (ny, nx)
        0 is background; anything else is a particle or pollution.
    window, stride
        Pixels of the label matrix.

    Returns
    -------
    corners : (k, 2) int64
        y, x of the first pixel, row by row.
    """
    if window > min(labels.shape):
        return np.empty((0, 2), dtype=np.int64)
    integral = np.zeros((labels.shape[0] + 1, labels.shape[1] + 1), dtype=np.int64)
    np.cumsum(np.cumsum(labels != 0, axis=0), axis=1, out=integral[1:, 1:])
    top = np.arange(0, labels.shape[0] - window + 1, stride)
    left = np.arange(0, labels.shape[1] - window + 1, stride)
    bottom, right = top + window, left + window
    occupied = (
        integral[np.ix_(bottom, right)]
        - integral[np.ix_(top, right)]
        - integral[np.ix_(bottom, left)]
        + integral[np.ix_(top, left)]
    )
    y, x = np.nonzero(occupied == 0)
    return np.stack([top[y], left[x]], axis=1)


def thin(corners: npt.NDArray[np.int64], window: int, overlap: float) -> npt.NDArray[np.int64]:
    """Keep windows greedily, in order, so that no two share more than a part of their area.

    Parameters
    ----------
    corners : (k, 2)
        From `empty_windows`.
    window
        Pixels.
    overlap
        Largest shared part of a window's area, 0 (none) to 1 (all are kept).
    """
    kept: list[npt.NDArray[np.int64]] = []
    for corner in corners:
        if kept:
            apart = np.abs(np.asarray(kept) - corner)
            shared = np.clip(window - apart, 0, None).prod(axis=1) / window**2
            if shared.max() > overlap:
                continue
        kept.append(corner)
    return np.asarray(kept, dtype=np.int64).reshape(-1, 2)
