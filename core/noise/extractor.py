"""Algorithm 1 of Tang et al. 2022: windows of a label matrix that hold background alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

_TOUCH = 1e-6  # label pixels; less is the rounding of a scale such as 4096 / 303, not an overlap


def occupied_windows(
    labels: npt.NDArray[np.generic],
    shape: tuple[int, int],
    scale: float | tuple[float, float],
    window: int,
    stride: int,
) -> npt.NDArray[np.bool_]:
    """Tell for every window of the lattice whether it touches a label, on a coarser grid too.

    The listing in the paper never resets `y` and drops the last window of each row; here every
    window that fits is looked at, in constant time each, through an integral image.

    Parameters
    ----------
    labels : (h, w)
        0 is background; anything else is a particle or pollution. Label pixel (i, j) covers rows
        i * scale to (i + 1) * scale of the micrograph, and columns likewise. Where the grid falls
        short of the micrograph its last row and column reach to the edge; where it overhangs
        nothing looks at the rest.
    shape
        ny, nx of the micrograph.
    scale
        Pixels of the micrograph per label pixel, or that along y and x; need not be whole.
    window, stride
        Pixels of the micrograph.

    Returns
    -------
    occupied : (rows, columns) bool
        Entry (i, j) is the window with its first pixel at i * stride, j * stride; no rows or no
        columns where the window does not fit.
    """
    spans = [
        _touched(side, n, step, window, stride)
        for side, n, step in zip(shape, labels.shape, _pair(scale), strict=True)
    ]
    (top, bottom), (left, right) = spans
    if labels.size == 0 or len(top) == 0 or len(left) == 0:
        return np.zeros((len(top), len(left)), dtype=bool)
    # No window begins or ends inside a cell, so what a cell holds counts once for all of it.
    rows, columns = np.union1d(top, bottom), np.union1d(left, right)
    integral = _integral(_cells(labels, rows, columns))
    strips = integral[_places(rows, bottom)] - integral[_places(rows, top)]
    inside: npt.NDArray[np.int32] = (
        strips[:, _places(columns, right)] - strips[:, _places(columns, left)]
    )
    return inside > 0


def lattice_corners(chosen: npt.NDArray[np.bool_], stride: int) -> npt.NDArray[np.int64]:
    """Corners (k, 2) y, x of the windows chosen on the lattice of `occupied_windows`."""
    y, x = np.divmod(np.flatnonzero(chosen), max(1, chosen.shape[1]))
    return np.stack([y, x], axis=1) * stride


def thin(corners: npt.NDArray[np.int64], window: int, overlap: float) -> npt.NDArray[np.int64]:
    """Keep windows greedily, in order, so that no two share more than a part of their area.

    Parameters
    ----------
    corners : (k, 2)
        From `lattice_corners`.
    window
        Pixels.
    overlap
        Largest shared part of a window's area, 0 (none) to 1 (all are kept).

    Returns
    -------
    kept : (m, 2)
        In the order given. Every window left out shares more than `overlap` with one kept.
    """
    if overlap >= 1 or len(corners) == 0:
        return corners
    # Windows further apart than `reach` along an axis share no more than `overlap`, so only those
    # of the same and the eight neighbouring cells of a grid of that size have to be compared.
    reach = int(window * (1 - overlap)) + 1
    cell = corners // reach
    cell -= cell.min(axis=0)
    width = int(cell[:, 1].max()) + 3
    key = cell[:, 0] * width + cell[:, 1] + 1
    order = np.argsort(key, kind="stable")
    place, key_sorted = corners[order], key[order]
    free = np.ones(len(corners), dtype=bool)
    kept: list[int] = []
    k = 0
    while free[k]:
        kept.append(k)
        for row in (-1, 0, 1):
            centre = key[k] + row * width
            a, b = np.searchsorted(key_sorted, (centre - 1, centre + 2))
            shared = np.clip(window - np.abs(place[a:b] - corners[k]), 0, None).prod(axis=1)
            free[order[a:b][shared / window**2 > overlap]] = False
        k += int(free[k:].argmax())
    return corners[kept]


def scatter(places: npt.NDArray[np.int64], limit: int) -> npt.NDArray[np.int64]:
    """Choose places spread over the micrograph: each is the farthest from those before it.

    Parameters
    ----------
    places : (k, 2)
        y, x.
    limit
        How many to choose.

    Returns
    -------
    indices : (min(k, limit),) int64
        Rising. The first choice is the place nearest to the middle of all.
    """
    if len(places) <= limit:
        return np.arange(len(places))
    points = places.astype(np.float64)
    chosen = [int(np.square(points - points.mean(axis=0)).sum(axis=1).argmin())][:limit]
    nearest = np.full(len(points), np.inf)
    while len(chosen) < limit:
        distance = np.square(points - points[chosen[-1]]).sum(axis=1)
        nearest = np.minimum(nearest, distance)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return np.sort(np.asarray(chosen, dtype=np.int64))


def _pair(scale: float | tuple[float, float]) -> tuple[float, float]:
    return scale if isinstance(scale, tuple) else (scale, scale)


def _cells(
    labels: npt.NDArray[np.generic], rows: npt.NDArray[np.int64], columns: npt.NDArray[np.int64]
) -> npt.NDArray[np.generic]:
    """Combine the labels between neighbouring rows and columns by a bitwise or."""
    marks = np.ascontiguousarray(labels if labels.dtype.kind in "bui" else labels != 0)
    heights = np.diff(rows)
    if (heights == heights[0]).all():
        even = marks[: rows[-1]].reshape(len(heights), heights[0], marks.shape[1])
        strips = np.bitwise_or.reduce(even, axis=1)
    else:
        strips = np.empty((len(heights), marks.shape[1]), dtype=marks.dtype)
        for k, strip in enumerate(strips):  # 50 times faster than ufunc.reduceat along this axis
            np.bitwise_or.reduce(marks[rows[k] : rows[k + 1]], axis=0, out=strip)
    if marks.dtype.itemsize == 1 and strips.shape[1] % 8 == 0 and not (columns % 8).any():
        strips, columns = strips.view(np.uint64), columns // 8  # eight labels at once
    strips = strips[:, : columns[-1]]
    if len(columns) == strips.shape[1] + 1:
        return np.asarray(strips)
    return np.asarray(np.bitwise_or.reduceat(strips, columns[:-1], axis=1))


def _places(
    edges: npt.NDArray[np.int64], chosen: npt.NDArray[np.int64]
) -> npt.NDArray[np.int64] | slice:
    """Index of chosen edges; a slice where they follow each other, which spares a slow copy."""
    index = np.searchsorted(edges, chosen)
    if index[-1] - index[0] + 1 == len(index):
        return slice(int(index[0]), int(index[-1]) + 1)
    return index


def _integral(cells: npt.NDArray[np.generic]) -> npt.NDArray[np.int32]:
    """Count the occupied cells above and left of each corner."""
    integral = np.zeros((cells.shape[0] + 1, cells.shape[1] + 1), dtype=np.int32)
    np.cumsum(cells != 0, axis=1, out=integral[1:, 1:])
    for above, row in pairwise(integral):  # many times faster than cumsum along this axis
        row += above
    return integral


def _touched(
    length: int, n_labels: int, scale: float, window: int, stride: int
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """First and one past the last label pixel that each window along an axis touches."""
    corner = np.arange(0, length - window + 1, stride)
    start = np.floor(corner / scale + _TOUCH).astype(np.int64)
    stop = np.ceil((corner + window) / scale - _TOUCH).astype(np.int64)
    start = np.minimum(start, n_labels - 1)
    return start, np.clip(stop, start + 1, n_labels)
