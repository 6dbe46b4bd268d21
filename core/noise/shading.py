"""Shading of a micrograph: what changes more slowly than the ice's own texture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

SLOW = 400.0
"""Shading is what a Gaussian of this standard deviation (Å) leaves of a micrograph."""
_CELLS = 6  # grid cells per standard deviation: linear interpolation then errs by 0.4 %
_RARE = 1e-3  # weight of the overall mean: it alone counts where no background is in reach


@dataclass(frozen=True)
class Shading:
    """Slowly changing background on a coarse grid, `step` micrograph pixels a cell."""

    grid: npt.NDArray[np.float32]
    step: int

    def at(
        self, y: npt.NDArray[np.floating], x: npt.NDArray[np.floating]
    ) -> npt.NDArray[np.float32]:
        """Values (len(y), len(x)) at rows y and columns x, in pixels of the micrograph."""
        along_y = _linear_weights(y, self.grid.shape[0], self.step)
        along_x = _linear_weights(x, self.grid.shape[1], self.step)
        return np.asarray(along_y @ self.grid @ along_x.T, dtype=np.float32)

    def removed_from(
        self, micrograph: npt.NDArray[np.float32], factor: int = 1
    ) -> npt.NDArray[np.float32]:
        """Take the shading off the micrograph, which may be binned by a factor."""
        return micrograph - self.at(*(bin_centres(side, factor) for side in micrograph.shape))


def bin_centres(n: int, factor: int) -> npt.NDArray[np.float64]:
    """Centres of n bins of `factor` pixels, in pixels."""
    return np.arange(n, dtype=np.float64) * factor + (factor - 1) / 2


def bin_sum(image: npt.NDArray[np.generic], factor: int) -> npt.NDArray[np.float32]:
    """Sum over factor x factor pixels; the last row and column may have fewer pixels."""
    if factor == 1:
        return image.astype(np.float32)
    ny, nx = image.shape
    rows = np.empty((-(-ny // factor), nx), dtype=np.float32)
    for k, row in enumerate(rows):  # many times faster than ufunc.reduceat along this axis
        np.add.reduce(image[k * factor : (k + 1) * factor], axis=0, out=row, dtype=np.float32)
    return np.asarray(np.add.reduceat(rows, np.arange(0, nx, factor), axis=1))


def bin_mean(image: npt.NDArray[np.generic], factor: int) -> npt.NDArray[np.float32]:
    """Average over factor x factor pixels; the last row and column may have fewer pixels."""
    counts = [
        np.diff(np.append(np.arange(0, side, factor), side)).astype(np.float32)
        for side in image.shape
    ]
    return bin_sum(image, factor) / (counts[0][:, None] * counts[1])


def measure_shading(
    binned: npt.NDArray[np.float32],
    background: npt.NDArray[np.bool_],
    factor: int,
    pixel_size: float,
) -> Shading:
    """Average the background within about 400 Å, leaving out particles and pollution.

    Parameters
    ----------
    binned : (h, w)
        The micrograph binned by `factor`.
    background : (h, w)
        True where nothing but ice is seen; if that is nowhere, all counts.
    factor
        Pixels of the micrograph per pixel of `binned`.
    pixel_size
        Å per pixel of the micrograph.
    """
    if not background.any():
        background = np.ones_like(background)
    level = np.float32(binned[background].mean(dtype=np.float64))
    sigma = SLOW / pixel_size / factor
    step = max(1, int(sigma / _CELLS))
    weight = bin_sum(background, step)
    total = bin_sum(np.where(background, binned - level, np.float32(0)), step)
    smooth = sigma / step
    spread = gaussian_filter(weight, smooth, mode="reflect") / step**2
    mean = gaussian_filter(total, smooth, mode="reflect") / step**2 / (spread + _RARE)
    return Shading(np.asarray(level + mean, dtype=np.float32), factor * step)


def remove_plane(block: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Subtract the least-squares plane of a square block.

    A wave of k periods along a side loses 30 %/k² of its power to the plane, on average over its
    phase, and slower waves no longer leak in: the lowest ring of the spectrum (1/box) keeps about
    four fifths of its power, the second 97 %.
    """
    n = block.shape[0]
    t = np.arange(n) - (n - 1) / 2
    rows = block.sum(axis=1, dtype=np.float64)
    columns = block.sum(axis=0, dtype=np.float64)
    norm = max(1e-30, (t**2).sum() * n)
    along_y = rows.sum() / n**2 + (t @ rows / norm) * t
    along_x = (t @ columns / norm) * t
    plane = along_y.astype(np.float32)[:, None] + along_x.astype(np.float32)
    return np.asarray(block - plane, dtype=np.float32)


def robust_sd(values: npt.NDArray[np.floating]) -> float:
    """Median absolute deviation from the median, scaled to a Gaussian's standard deviation."""
    return 1.4826 * float(np.median(np.abs(values - np.median(values))))


def _linear_weights(
    places: npt.NDArray[np.floating], cells: int, step: int
) -> npt.NDArray[np.float32]:
    """Weights (places, cells) that interpolate linearly between the cells' centres."""
    place = np.clip((places + 0.5) / step - 0.5, 0, cells - 1)
    lower = np.minimum(place.astype(np.int64), max(0, cells - 2))
    part = place - lower
    weights = np.zeros((len(place), cells), dtype=np.float32)
    rows = np.arange(len(place))
    weights[rows, lower] = 1 - part
    weights[rows, np.minimum(lower + 1, cells - 1)] += part
    return weights
