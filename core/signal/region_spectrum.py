"""The power spectrum of a region of any shape, as windows of a given size would show it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

from .spectrum import radial_index

# Lags that fewer than this part of the region's pixels have are left out.
_RAREST = 1e-3
_TILE = 1024


def region_power(
    image: npt.NDArray[np.float32], region: npt.NDArray[np.bool_], box: int
) -> npt.NDArray[np.float64]:
    """Mean radial power that square windows would have, had the whole region been cut into them.

    The autocovariance of the region's pixels is estimated over the pairs inside it (the correlation
    of the masked image over that of the mask, both summed over tiles); tapered by the overlap of a
    window with itself and transformed, it gives the expected periodogram of a window (Percival &
    Walden 1993, ch. 6). No window has to fit into the region.

    Parameters
    ----------
    image : (ny, nx)
        Without shading.
    region : (ny, nx)
        True where pixels count.
    box
        Side of the windows in pixels.

    Returns
    -------
    power : (box // 2 + 1,)
        As `spectrum.radial_power` gives it: 1 in every ring for white noise of variance 1. NaN for
        an empty region.
    """
    bins = box // 2 + 1
    if not region.any():
        return np.full(bins, np.nan)
    middle = image[region].mean(dtype=np.float64)
    tile = max(_TILE, 2 * box)
    pairs, covariance = np.zeros((2, 2 * box, 2 * box))
    for top in range(0, image.shape[0], tile):
        for left in range(0, image.shape[1], tile):
            here = region[top : top + tile, left : left + tile]
            if not here.any():
                continue
            part = image[top : top + tile, left : left + tile] - np.float32(middle)
            pairs += _correlation(here.astype(np.float32), box)
            covariance += _correlation(np.where(here, part, np.float32(0)), box)
    enough = pairs > max(0.5, _RAREST * pairs[0, 0])
    covariance = np.where(enough, covariance / np.maximum(pairs, 0.5), 0)
    lag = np.arange(-box, box)
    taper = 1 - np.abs(np.roll(lag, box)) / box
    expected = np.fft.fft2(covariance * taper[:, None] * taper).real[::2, ::2]
    index = radial_index(box, bins).numpy()
    half = np.maximum(expected[:, : box // 2 + 1], 0)
    weight = np.full(half.shape, 2.0)
    weight[:, 0] = 1
    if box % 2 == 0:
        weight[:, -1] = 1
    total = np.bincount(index.ravel(), (half * weight).ravel(), minlength=bins)
    return np.asarray(total / np.bincount(index.ravel(), weight.ravel(), minlength=bins))


def _correlation(image: npt.NDArray[np.float32], box: int) -> npt.NDArray[np.float64]:
    """Give the sums of products (2 box, 2 box) of an image with itself at lags -box to box - 1."""
    shape = tuple(next_fast_len(side + box, real=True) for side in image.shape)
    power = np.abs(rfft2(image, shape)) ** 2
    full = irfft2(power, shape)
    ends = [np.r_[0:box, side - box : side] for side in shape]
    return np.asarray(full[np.ix_(*ends)], dtype=np.float64)
