import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from core.segment.labels import discs, label_map


@settings(max_examples=50, deadline=None)
@given(
    shape=st.tuples(st.integers(20, 90), st.integers(20, 90)),
    coarse=st.floats(1, 5),
    radius=st.floats(2, 15),
    seed=st.integers(0, 1000),
)
def test_discs_are_those_of_the_definition_on_any_grid(shape, coarse, radius, seed):
    rng = np.random.default_rng(seed)
    grid = (max(4, round(shape[0] / coarse)), max(4, round(shape[1] / coarse)))
    picks = rng.uniform(-20, 110, (5, 2))
    made = discs(grid, shape, picks, radius)
    step = np.array(shape) / np.array(grid)
    yy = (np.arange(grid[0]) + 0.5)[:, None] * step[0] - 0.5
    xx = (np.arange(grid[1]) + 0.5) * step[1] - 0.5
    distance = np.min([np.hypot(yy - y, xx - x) for y, x in picks], axis=0)
    sure = np.abs(distance - radius) > 1e-6
    np.testing.assert_array_equal(made[sure], (distance <= radius)[sure])


def test_no_picks_give_no_discs():
    assert not discs((10, 10), (100, 100), np.empty((0, 2)), 5).any()


def test_a_pick_goes_before_pollution():
    particles = np.array([[True, False, False]])
    pollution = np.array([[True, True, False]])
    assert label_map(particles, pollution).tolist() == [[2, 1, 0]]
