"""The border between two populations of scores, where there are two."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FEWEST = 40
"""Images below which no border is looked for."""
SMALLEST = 0.02
"""Part of the images that the smaller population has at least."""
BINS = 200
DEEP = 0.6
"""A valley holds at most this part of the lower one of the two peaks beside it."""
SURE = 3.0
"""Standard deviations of chance by which a valley lies below its peaks."""


@dataclass(frozen=True)
class Border:
    """Between images that show particles, and others.

    Attributes
    ----------
    score
        The border.
    below
        Images below it.
    """

    score: float
    below: int


def find_border(scores: Floats) -> Border | None:
    """Find the border between two populations; None where there is only one.

    The histogram, smoothed as much as its width and number suggest, must have a valley that is
    deeper than chance explains.

    Parameters
    ----------
    scores : (n,)
        0 to 1.
    """
    n = len(scores)
    if n < FEWEST:
        return None
    best: tuple[float, float] | None = None
    for width in (0.012, 0.02, 0.03, 0.045):
        found = _valley(scores, width)
        if found is not None and (best is None or found[0] > best[0]):
            best = found
    if best is None:
        return None
    return Border(best[1], int((scores < best[1]).sum()))


def _valley(scores: Floats, width: float) -> tuple[float, float] | None:
    """Give the depth, in standard deviations of chance, and the place of the deepest valley."""
    edges = np.linspace(0, 1, BINS + 1)
    counts = np.histogram(scores, edges)[0].astype(float)
    reach = int(4 * width * BINS) + 1
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / (width * BINS)) ** 2)
    curve = np.convolve(counts, kernel)[reach:-reach]
    # Images that the curve counts at a place, and hence its chance, by Poisson.
    chance = np.sqrt(np.maximum(np.convolve(counts, kernel**2)[reach:-reach], 1))
    left, right = np.maximum.accumulate(curve), np.maximum.accumulate(curve[::-1])[::-1]
    lower = np.minimum(left, right)
    below = np.cumsum(counts) / len(scores)
    enough = (below >= SMALLEST) & (below <= 1 - SMALLEST)
    depth = np.where(enough & (curve < DEEP * lower), (lower - curve) / chance_of(lower, chance), 0)
    place = int(depth.argmax())
    if depth[place] < SURE:
        return None
    # The middle of a flat valley.
    flat = np.flatnonzero((curve <= curve[place] + 1e-9) & (depth > 0))
    return float(depth[place]), float((edges[flat].mean() + edges[flat + 1].mean()) / 2)


def chance_of(lower: Floats, chance: Floats) -> Floats:
    """Give the standard deviation of the difference between a peak and a valley."""
    return np.asarray(np.sqrt(np.maximum(lower, 1) + chance**2))
