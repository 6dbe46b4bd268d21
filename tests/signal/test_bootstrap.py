"""Intervals hold the mean about as often as they say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.bootstrap import interval


@settings(deadline=None, max_examples=30)
@given(values=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30), seed=st.integers(0, 9))
def test_the_mean_lies_inside(values: list[float], seed: int) -> None:
    found = interval(values, seed)
    assert found == interval(values, seed)
    rounding = 1e-9 * (1 + max(abs(v) for v in values))
    assert min(values) - rounding <= found.low <= found.mean + rounding
    assert found.mean - rounding <= found.high <= max(values) + rounding


def test_it_is_about_as_wide_as_theory_says() -> None:
    values = np.random.default_rng(0).normal(3, 2, 400)
    mean, low, high = interval(values)
    assert mean == pytest.approx(values.mean())
    assert (high - low) / 2 == pytest.approx(1.96 * values.std() / 20, rel=0.1)
    narrow = interval(values, level=0.5)
    assert low < narrow.low < narrow.high < high


def test_it_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)

    def held(level: float) -> int:
        intervals = [interval(rng.normal(size=60), level=level) for _ in range(60)]
        return sum(low <= 0 <= high for _, low, high in intervals)

    assert held(0.95) >= 50
    assert held(0.5) < 45


def test_single_and_infinite_values() -> None:
    assert interval([2.5]) == (2.5, 2.5, 2.5)
    assert interval([1.0, np.inf]) == (np.inf, 1.0, np.inf)
    for wrong in ([], [1.0, np.nan]):
        with pytest.raises(ValueError, match="at least one value"):
            interval(wrong)
    with pytest.raises(ValueError, match="between 0 and 1"):
        interval([1.0], level=95)
