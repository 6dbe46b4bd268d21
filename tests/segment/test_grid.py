import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.errors import IceblockError
from core.segment.grid import LARGEST, PARTICLE, coarse_shape, to_grid, views


@given(
    ny=st.integers(900, 12000),
    nx=st.integers(900, 12000),
    pixel_size=st.floats(0.4, 6),
    diameter=st.floats(60, 800),
)
def test_a_particle_is_sixteen_pixels_across_on_any_detector(ny, nx, pixel_size, diameter):
    if diameter >= 0.2 * min(ny, nx) * pixel_size or diameter / pixel_size < PARTICLE:
        return
    h, w = coarse_shape((ny, nx), pixel_size, diameter)
    assert h <= LARGEST
    assert w <= LARGEST
    if max(h, w) < LARGEST and min(h, w) > 64:
        assert diameter / pixel_size / (ny / h) == pytest.approx(PARTICLE, rel=0.02)
        assert ny / h == pytest.approx(nx / w, rel=0.02)


def test_a_particle_larger_than_the_micrograph_tells_of_a_wrong_pixel_size():
    with pytest.raises(IceblockError, match="pixel size"):
        coarse_shape((1024, 1024), 0.1, 300)


def test_a_micrograph_of_coarse_pixels_is_never_blown_up():
    assert coarse_shape((200, 300), 20.0, 160.0) == (200, 300)


@settings(max_examples=30, deadline=None)
@given(ny=st.integers(40, 400), nx=st.integers(40, 400), by=st.floats(1, 6), bx=st.floats(1, 6))
@example(ny=187, nx=72, by=6.0, bx=6.0)
def test_averaging_keeps_planes_and_places(ny, nx, by, bx):
    grid = (max(8, round(ny / by)), max(8, round(nx / bx)))
    y, x = np.mgrid[:ny, :nx].astype(np.float32)
    plane = 1000 + 0.5 * y - 0.25 * x
    coarse = to_grid(plane, grid)
    step = np.array((ny, nx)) / np.array(grid)
    yy = (np.arange(grid[0]) + 0.5)[:, None] * step[0] - 0.5
    xx = (np.arange(grid[1]) + 0.5) * step[1] - 0.5
    expected = 1000 + 0.5 * yy - 0.25 * xx
    inner = np.s_[2:-2, 2:-2]  # filters are cut off at the border
    assert np.abs(coarse - expected)[inner].max() < 0.15


def test_averaging_lowers_white_noise_as_independent_pixels_do():
    noise = np.random.default_rng(0).standard_normal((1600, 1600), dtype=np.float32)
    coarse = to_grid(noise, (200, 200))
    assert 0.06 < coarse.std() < 0.14  # a mean of 8 x 8 gives 1/8, a smoother filter less


def test_views_do_not_depend_on_gain_or_offset():
    image = np.random.default_rng(1).standard_normal((96, 128)).astype(np.float32)
    np.testing.assert_allclose(views(image), views(37 * image + 500), atol=2e-3)


def test_views_are_finite_for_a_constant_image():
    assert np.isfinite(views(np.full((64, 64), 7, np.float32))).all()
