"""Every window of background is found, no other; thinning and scattering keep them apart."""

from fractions import Fraction

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from benchmarks.measures.windows import empty_windows, empty_windows_scaled
from core.noise.extractor import (
    lattice_corners,
    occupied_windows,
    scatter,
    thin,
)

LABELS = [np.bool_, np.uint8, np.int16, np.float32]
SCALES = [
    Fraction(1),
    Fraction(2),
    Fraction(7, 2),
    Fraction(3, 4),
    Fraction(4096, 303),
    Fraction(303, 128),
    Fraction(100, 7),
]


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


def touched(start: int, window: int, scale: Fraction, n: int) -> list[int]:
    """Label pixels that share more than a border with a window; the last reaches to the edge."""
    return [
        k
        for k in range(n)
        if k * scale < start + window and ((k + 1) * scale > start or k == n - 1)
    ] or [n - 1]


def looked_at_with_scale(
    labels: npt.NDArray[np.generic],
    shape: tuple[int, int],
    scale: tuple[Fraction, Fraction],
    window: int,
    stride: int,
) -> list[tuple[int, int]]:
    found = []
    for y in range(0, shape[0] - window + 1, stride):
        for x in range(0, shape[1] - window + 1, stride):
            rows = touched(y, window, scale[0], labels.shape[0])
            columns = touched(x, window, scale[1], labels.shape[1])
            if not labels[np.ix_(rows, columns)].any():
                found.append((y, x))
    return found


@st.composite
def label_matrices(draw: st.DrawFn, side: int = 24) -> npt.NDArray[np.generic]:
    """Mostly background, as a micrograph's labels are."""
    shape = draw(array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=side))
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


@settings(deadline=None, max_examples=100)
@given(
    labels=label_matrices(6),
    scale=st.tuples(*[st.sampled_from(SCALES)] * 2),
    over=st.tuples(*[st.floats(-1.5, 1.5)] * 2),
    window=st.integers(1, 40),
    stride=st.integers(1, 9),
)
def test_the_same_windows_as_a_plain_loop_on_a_coarse_grid(
    labels: npt.NDArray[np.generic],
    scale: tuple[Fraction, Fraction],
    over: tuple[float, float],
    window: int,
    stride: int,
) -> None:
    """The grid overhangs the micrograph, falls short of it, or fits."""
    ny, nx = (
        max(1, round((n + extra) * s))
        for n, extra, s in zip(labels.shape, over, scale, strict=True)
    )
    corners = empty_windows_scaled(
        labels, (ny, nx), (float(scale[0]), float(scale[1])), window, stride
    )
    expected = looked_at_with_scale(labels, (ny, nx), scale, window, stride)
    assert [tuple(c) for c in corners] == expected


@settings(deadline=None)
@given(labels=label_matrices(), window=st.integers(1, 12), stride=st.integers(1, 5))
def test_a_scale_of_one_and_repeated_labels_change_nothing(
    labels: npt.NDArray[np.generic], window: int, stride: int
) -> None:
    shape = (labels.shape[0], labels.shape[1])
    plain = empty_windows(labels, window, stride)
    np.testing.assert_array_equal(empty_windows_scaled(labels, shape, 1.0, window, stride), plain)
    fine = labels.repeat(3, axis=0).repeat(3, axis=1)
    size = (fine.shape[0], fine.shape[1])
    np.testing.assert_array_equal(
        empty_windows_scaled(labels, size, 3, window, stride), empty_windows(fine, window, stride)
    )
    occupied = occupied_windows(labels, size, 3, window, stride)
    np.testing.assert_array_equal(
        lattice_corners(~occupied, stride), empty_windows(fine, window, stride)
    )


@pytest.mark.parametrize("cells", [303, 512, 300])
def test_no_rounding_moves_a_window_to_its_neighbours_labels(cells: int) -> None:
    """4096 / 303 is no float: start / scale may come out a little beside a whole number."""
    labels = np.zeros((cells, 1), dtype=np.uint8)
    labels[3::5] = 1
    scale = (Fraction(4096, cells), Fraction(16))
    corners = empty_windows_scaled(labels, (4096, 16), (4096 / cells, 16.0), 16, 16)
    assert 0 < len(corners) < 256
    assert [tuple(c) for c in corners] == looked_at_with_scale(labels, (4096, 16), scale, 16, 16)


@pytest.mark.parametrize("kind", LABELS)
@pytest.mark.parametrize(("window", "stride"), [(16, 8), (24, 8), (20, 8), (9, 3), (64, 16)])
def test_any_layout_in_memory(kind: type[np.generic], window: int, stride: int) -> None:
    """Labels whose cells are as wide as a word of memory are read by the word."""
    labels = (np.random.default_rng(0).random((64, 96)) < 0.003).astype(kind)
    expected = looked_at_one_by_one(labels, window, stride)
    for same in (labels, np.asfortranarray(labels), np.repeat(labels, 2, axis=1)[:, ::2]):
        assert [tuple(c) for c in empty_windows(same, window, stride)] == expected


def test_any_value_but_zero_is_no_background() -> None:
    labels = np.zeros((8, 8))
    labels[0, 7], labels[7, 0] = -1, 0.001
    assert len(empty_windows(labels, 8, 1)) == 0
    assert len(empty_windows(labels, 7, 1)) == 2
    assert len(empty_windows(np.zeros((8, 8)), 8, 3)) == 1
    assert empty_windows(np.zeros((8, 8)), 9, 1).shape == (0, 2)
    assert empty_windows_scaled(np.zeros((2, 2)), (8, 8), 4, 9, 1).shape == (0, 2)
    assert empty_windows(np.array([[2, 1], [0, 0]]), 1, 1).tolist() == [[1, 0], [1, 1]]


corner_lists = st.lists(st.tuples(*[st.integers(0, 60)] * 2), max_size=40).map(
    lambda corners: np.array(corners, dtype=np.int64).reshape(-1, 2)
)


def shared(one: npt.NDArray[np.int64], other: npt.NDArray[np.int64], window: int) -> float:
    """The part of a window's area that two have in common, by painting them."""
    paint = np.zeros((100, 100), dtype=int)
    for y, x in (one, other):
        paint[y : y + window, x : x + window] += 1
    return float((paint == 2).sum()) / window**2


def thinned_one_by_one(
    corners: npt.NDArray[np.int64], window: int, overlap: float
) -> npt.NDArray[np.int64]:
    kept: list[npt.NDArray[np.int64]] = []
    for corner in corners:
        if all(shared(corner, other, window) <= overlap for other in kept):
            kept.append(corner)
    return np.asarray(kept, dtype=np.int64).reshape(-1, 2)


@settings(deadline=None, max_examples=150)
@given(
    corners=corner_lists,
    window=st.integers(1, 30),
    overlap=st.one_of(st.floats(0, 1), st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])),
)
def test_thinned_windows_are_those_of_a_plain_loop(
    corners: npt.NDArray[np.int64], window: int, overlap: float
) -> None:
    """So none shares more than allowed, and none is left out without a reason."""
    kept = thin(corners, window, overlap)
    assert kept.dtype == np.int64
    np.testing.assert_array_equal(kept, thinned_one_by_one(corners, window, overlap))


def test_all_are_kept_where_all_may_overlap() -> None:
    corners = empty_windows(np.zeros((20, 20)), 8, 2)
    np.testing.assert_array_equal(thin(corners, 8, 1.0), corners)
    apart = thin(corners, 8, 0.0)
    assert {tuple(c) for c in apart} == {(0, 0), (0, 8), (8, 0), (8, 8)}


@pytest.mark.parametrize("overlap", [0.0, 0.5, 1.0])
def test_nothing_to_thin(overlap: float) -> None:
    assert thin(np.empty((0, 2), dtype=np.int64), 8, overlap).shape == (0, 2)


@settings(deadline=None)
@given(
    places=st.lists(st.tuples(*[st.integers(0, 900)] * 2), max_size=60, unique=True),
    limit=st.integers(1, 70),
)
def test_scattered_places_are_as_far_apart_as_those_left_out(
    places: list[tuple[int, int]], limit: int
) -> None:
    points = np.array(places, dtype=np.int64).reshape(-1, 2)
    chosen = scatter(points, limit)
    assert len(chosen) == min(limit, len(points))
    assert (np.diff(chosen) > 0).all()
    np.testing.assert_array_equal(chosen, scatter(points, limit))
    left = np.setdiff1d(np.arange(len(points)), chosen)
    if len(left) and len(chosen) > 1:
        between = np.hypot(*(points[chosen][:, None] - points[chosen]).transpose(2, 0, 1))
        closest = between[~np.eye(len(chosen), dtype=bool)].min()
        gaps = np.hypot(*(points[left][:, None] - points[chosen]).transpose(2, 0, 1)).min(axis=1)
        assert gaps.max() <= closest + 1e-9


def test_scattered_places_cover_the_micrograph() -> None:
    corners = empty_windows(np.zeros((1000, 1000)), 50, 10)
    chosen = corners[scatter(corners, 20)]
    for half in (chosen < 475, chosen >= 475):
        assert (half.sum(axis=0) >= 7).all()
