"""Bootstrap intervals of a mean over particles."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

RESAMPLES = 2000
_PIECE = 1 << 22


class Interval(NamedTuple):
    """A mean and the ends of its confidence interval."""

    mean: float
    low: float
    high: float


def interval(values: npt.ArrayLike, seed: int = 0, level: float = 0.95) -> Interval:
    """Mean of values with its percentile bootstrap interval (Efron 1979).

    Parameters
    ----------
    values : (n,)
        One for each particle or each repeat; infinite ones are allowed, NaN is not.
    seed
        The same seed gives the same interval.
    level
        Part of intervals of repeated experiments that hold the true mean.
    """
    sample = np.asarray(values, dtype=np.float64).ravel()
    if len(sample) == 0 or np.isnan(sample).any():
        raise ValueError("an interval needs at least one value, and none that is NaN")
    if not 0 < level < 1:
        raise ValueError(f"the level is {level} and must lie between 0 and 1")
    rng = np.random.default_rng(seed)
    rows = max(1, _PIECE // len(sample))
    means = [
        sample[rng.integers(len(sample), size=(min(rows, RESAMPLES - start), len(sample)))].mean(1)
        for start in range(0, RESAMPLES, rows)
    ]
    ends = [(1 - level) / 2, (1 + level) / 2]
    # An observed quantile: nothing is interpolated between finite and infinite means.
    low, high = np.quantile(np.concatenate(means), ends, method="inverted_cdf")
    return Interval(float(sample.mean()), float(low), float(high))
