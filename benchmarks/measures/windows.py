"""The empty windows of a label matrix, as Algorithm 1 of the paper lists them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.noise.extractor import lattice_corners, occupied_windows

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


def empty_windows(
    labels: npt.NDArray[np.generic], window: int, stride: int
) -> npt.NDArray[np.int64]:
    """Corners of all windows in which every label is zero.

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
    shape = (labels.shape[0], labels.shape[1])
    return empty_windows_scaled(labels, shape, 1, window, stride)


def empty_windows_scaled(
    labels: npt.NDArray[np.generic],
    shape: tuple[int, int],
    scale: float | tuple[float, float],
    window: int,
    stride: int,
) -> npt.NDArray[np.int64]:
    """Corners of all windows of a micrograph that touch no labelled pixel of a coarser grid.

    Parameters
    ----------
    labels : (h, w)
        0 is background; see `occupied_windows`.
    shape
        ny, nx of the micrograph.
    scale
        Pixels of the micrograph per label pixel, or that along y and x; need not be whole.
    window, stride
        Pixels of the micrograph.

    Returns
    -------
    corners : (k, 2) int64
        y, x of the first pixel in the micrograph, row by row.
    """
    return lattice_corners(~occupied_windows(labels, shape, scale, window, stride), stride)
