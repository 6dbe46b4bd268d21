"""Blocks that do not look like the others of their micrograph."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.fft import rfft2
from scipy.stats import norm

from .shading import robust_sd

Blocks = npt.NDArray[np.float32]
Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

ODD = 4.0
"""Robust standard deviations from the median block that make a block odd."""
_OUTLIER_LOSS = 0.002
_TAILS = 6.0
_HEAVIEST = 1.6
_CHUNK = 32


def outlier_blocks(highest: Float, pixels: int) -> Mask:
    """Blocks with a pixel that this ice does not show: hot pixels, X-rays, gold.

    The highest pixel of a block is compared with the highest pixel that Gaussian noise has in a
    block of this size. It may be higher if the other blocks are too, because images taken with few
    electrons have longer tails. The limit is never above 1.6 times that of Gaussian noise.

    Parameters
    ----------
    highest : (k,)
        Largest absolute value of each block in its standard deviations.
    pixels
        Of a block.
    """
    gaussian = float(norm.isf(_OUTLIER_LOSS / pixels / 2))
    usual = np.median(highest) + _TAILS * robust_sd(highest) if len(highest) else 0.0
    return np.asarray(highest > np.clip(usual, gaussian, _HEAVIEST * gaussian))


def odd_variance(sd: Float, freedom: float) -> Mask:
    """Blocks whose standard deviation is unlike that of the others.

    Parameters
    ----------
    sd : (k,)
    freedom
        Independent values in a block; see `band_powers`.
    """
    return odd_values(np.log(np.maximum(sd, 1e-30))[:, None], np.array([np.sqrt(0.5 / freedom)]))


def odd_spectrum(powers: Float, modes: Float) -> Mask:
    """Blocks whose power in some band, at the variance of all alike, is unlike the others'.

    Parameters
    ----------
    powers : (k, bands)
    modes : (bands,)
        From `band_powers`.
    """
    relative = powers / np.maximum(powers @ modes, 1e-30)[:, None]
    middle = np.maximum(np.median(relative, axis=0), 1e-30) if len(powers) else 1.0
    # The cube root of a mean of m exponential variables has a variance of about 1 / 9m.
    return odd_values(np.cbrt(relative / middle), np.sqrt(1 / (9 * modes)))


def odd_values(values: Float, least: Float) -> Mask:
    """Rows with a value more than `ODD` robust standard deviations from the column's median.

    Parameters
    ----------
    values : (k, n)
    least : (n,)
        Standard deviations that noise alone gives the values: the spread of few rows may by
        chance be far too small.
    """
    k = len(values)
    if k == 0:
        return np.zeros(0, dtype=bool)
    away = np.abs(values - np.median(values, axis=0))
    spread = np.maximum(1.4826 * np.median(away, axis=0), least) * (1 + 3 / k)
    return np.asarray((away > ODD * spread).any(axis=1))


def band_powers(blocks: Blocks) -> tuple[Float, Float, float]:
    """Mean power of blocks in bands of about a third of an octave to an octave.

    Returns
    -------
    powers : (k, bands)
        Per coefficient; white noise of variance 1 gives 1.
    modes : (bands,)
        Independent complex coefficients in each band.
    freedom
        Independent values that the variance of one block averages.
    """
    box = blocks.shape[-1]
    index, bands = _bands(box)
    weight = np.full(index.shape, 2.0)
    weight[:, 0] = 1
    if box % 2 == 0:
        weight[:, -1] = 1
    inside = index >= 0
    place, weight = index[inside], weight[inside]
    count = np.bincount(place, weight, minlength=bands)
    powers = np.empty((len(blocks), bands))
    for start in range(0, len(blocks), _CHUNK):
        transform = rfft2(blocks[start : start + _CHUNK])
        power = transform.real**2 + transform.imag**2
        for k, one in enumerate(power[:, inside], start):
            powers[k] = np.bincount(place, one * weight, minlength=bands) / count / box**2
    usual = np.median(powers, axis=0) if len(powers) else np.ones(bands)
    freedom = float((usual * count).sum() ** 2 / max((usual**2 * count).sum(), 1e-30))
    return powers, count / 2, max(1.0, freedom)


def _bands(box: int) -> tuple[npt.NDArray[np.int64], int]:
    """Band of every rfft2 coefficient, -1 for the mean, and the number of bands."""
    fy, fx = np.fft.fftfreq(box) * box, np.fft.rfftfreq(box) * box
    radius = np.hypot(fy[:, None], fx)
    edges = [0.5]
    while edges[-1] < box / 2:
        edges.append(max(edges[-1] + 1, 1.4 * edges[-1]))
    edges[-1] = np.inf  # the corners beyond Nyquist belong to the last band
    return np.searchsorted(edges, radius, side="right") - 1, len(edges) - 1
