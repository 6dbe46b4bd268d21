"""Every window of background is found, no other, and thinning keeps them apart."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from core.noise.extractor import empty_windows, thin

LABELS = [np.bool_, np.uint8, np.int16, np.float32]


def looked_at_one_by_one(
    labels: npt.NDArray[np.generic], window: int, stride: int
) -> list[tuple[int, int]]:
    found = []
    for y in range(0, labels.shape[0], stride):
        for x in range(0, labels.shape[1], stride):
            inside = labels[y : y + window, x : x + window]
            if inside.shape == (window, window) and not inside.any():
                found.append((y, x))
    return found


@st.composite
def label_matrices(draw: st.DrawFn) -> npt.NDArray[np.generic]:
    """Mostly background, as a micrograph's labels are."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=24))
    kind = draw(st.sampled_from(LABELS))
    marks = arrays(kind, shape, elements=st.just(1), fill=st.just(0))
    return draw(marks)


@settings(deadline=None, max_examples=200)
@given(labels=label_matrices(), window=st.integers(1, 26), stride=st.integers(1, 9))
def test_the_same_windows_as_a_plain_loop(
    labels: npt.NDArray[np.generic], window: int, stride: int
) -> None:
    corners = empty_windows(labels, window, stride)
    assert corners.dtype == np.int64
    assert corners.shape == (len(corners), 2)
    assert [tuple(c) for c in corners] == looked_at_one_by_one(labels, window, stride)


def test_any_value_but_zero_is_no_background() -> None:
    labels = np.zeros((8, 8))
    labels[0, 7], labels[7, 0] = -1, 0.001
    assert len(empty_windows(labels, 8, 1)) == 0
    assert len(empty_windows(labels, 7, 1)) == 2
    assert len(empty_windows(np.zeros((8, 8)), 8, 3)) == 1
    assert empty_windows(np.zeros((8, 8)), 9, 1).shape == (0, 2)


corner_lists = st.lists(st.tuples(*[st.integers(0, 60)] * 2), max_size=40).map(
    lambda corners: np.array(sorted(corners), dtype=np.int64).reshape(-1, 2)
)


def shared(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], window: int) -> float:
    """The part of a window's area that two have in common, by painting them."""
    paint = np.zeros((100, 100), dtype=int)
    for y, x in (one, other):
        paint[y : y + window, x : x + window] += 1
    return float((paint == 2).sum()) / window**2


@settings(deadline=None)
@given(corners=corner_lists, window=st.integers(1, 30), overlap=st.floats(0, 1))
def test_thinned_windows_share_no_more_than_allowed(
    corners: npt.NDArray[np.int64], window: int, overlap: float
) -> None:
    kept = thin(corners, window, overlap)
    assert kept.dtype == np.int64
    assert kept.shape == (len(kept), 2)
    for k, one in enumerate(kept):
        assert all(shared(one, other, window) <= overlap for other in kept[:k])
    places = {tuple(corner) for corner in kept}
    for corner in corners:  # none is left out without a reason
        assert tuple(corner) in places or any(
            shared(corner, other, window) > overlap for other in kept
        )


def test_all_are_kept_where_all_may_overlap() -> None:
    corners = empty_windows(np.zeros((20, 20)), 8, 2)
    np.testing.assert_array_equal(thin(corners, 8, 1.0), corners)
    apart = thin(corners, 8, 0.0)
    assert {tuple(c) for c in apart} == {(0, 0), (0, 8), (8, 0), (8, 8)}


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_nothing_to_thin(overlap: float) -> None:
    assert thin(np.empty((0, 2), dtype=np.int64), 8, overlap).shape == (0, 2)
