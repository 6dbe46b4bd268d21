"""Blocks are ice alone: no pick, no particle that nobody picked, no shading, no dead border."""

from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import gaussian_filter

from core.noise.cutter import cut_blocks, flatten, odd_regions, particle_discs, remove_plane

Micrograph = npt.NDArray[np.float32]
PIXEL, DIAMETER, BOX = 4.0, 120.0, 48
SHAPE = (300, 340)


def ice(seed: int = 0, shape: tuple[int, int] = SHAPE, sd: float = 7.0) -> Micrograph:
    """Noise of one spectrum on a shading, as a motion-corrected micrograph has them."""
    white = np.random.default_rng(seed).normal(size=shape)
    coloured = white + 1.5 * gaussian_filter(white, 2.0)
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (sd * coloured + 900 + 0.03 * y - 0.02 * x).astype(np.float32)


def add_particle(micrograph: Micrograph, y: float, x: float, height: float) -> None:
    """A textured ball, as projections are, in units of the micrograph's sd."""
    yy, xx = np.ogrid[: micrograph.shape[0], : micrograph.shape[1]]
    r = np.hypot(yy - y, xx - x) / (DIAMETER / 2 / PIXEL)
    texture = 1 + 0.7 * np.cos((yy - y) / 2.5) * np.cos((xx - x) / 3.0)
    micrograph -= (7.0 * height * texture * np.sqrt(np.clip(1 - r**2, 0, None))).astype(np.float32)


def farthest(corner: npt.NDArray[np.float64], centre: npt.NDArray[np.float64], box: int) -> float:
    """Distance of a point to the nearest pixel of a block."""
    nearest = np.clip(centre, corner, corner + box - 1)
    return float(np.hypot(*(nearest - centre)))


@settings(deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 40)] * 2),
    centres=st.lists(st.tuples(*[st.floats(-20, 60)] * 2), max_size=6),
    radius=st.floats(0.3, 15),
)
def test_discs(shape: tuple[int, int], centres: list[tuple[float, float]], radius: float) -> None:
    discs = particle_discs(shape, np.array(centres).reshape(-1, 2), radius)
    y, x = np.ogrid[: shape[0], : shape[1]]
    expected = np.zeros(shape, dtype=bool)
    for cy, cx in centres:
        expected |= (y - cy) ** 2 + (x - cx) ** 2 <= radius**2
    np.testing.assert_array_equal(discs, expected)


@settings(deadline=None)
@given(
    box=st.integers(2, 40),
    a=st.floats(-9, 9),
    b=st.floats(-9, 9),
    c=st.floats(-99, 99),
    seed=st.integers(0, 99),
)
def test_the_plane_goes_and_nothing_else(box: int, a: float, b: float, c: float, seed: int) -> None:
    t = np.arange(box)
    plane = (a * t[:, None] + b * t + c).astype(np.float32)
    np.testing.assert_allclose(remove_plane(plane), np.zeros((box, box)), atol=1e-3)
    block = np.random.default_rng(seed).normal(size=(box, box)).astype(np.float32)
    flat = remove_plane(block)
    assert flat.dtype == np.float32
    np.testing.assert_allclose(remove_plane(block + plane), flat, atol=2e-3)
    np.testing.assert_allclose(remove_plane(flat), flat, atol=1e-4)
    basis = np.stack([np.ones(box * box), np.repeat(t, box), np.tile(t, box)], axis=1)
    fit, *_ = np.linalg.lstsq(basis, block.ravel().astype(float), rcond=None)
    np.testing.assert_allclose(flat.ravel(), block.ravel() - basis @ fit, atol=1e-3)


def test_flattening_takes_the_shading_and_the_scale() -> None:
    micrograph = ice()
    flat = flatten(micrograph, PIXEL)
    assert flat.dtype == np.float32
    assert np.std(flat) == pytest.approx(1, abs=0.05)
    left = gaussian_filter(flat, 20)[40:-40, 40:-40]
    assert np.abs(left).max() < 0.3
    np.testing.assert_allclose(flatten(20 * micrograph - 5, PIXEL), flat, atol=5e-3)
    dirty = micrograph.copy()
    dirty[:40, :40] += 200  # the scale is a robust one
    assert np.std(flatten(dirty, PIXEL)[100:, 100:]) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize("seed", range(4))
def test_plain_ice_is_cut_all_over(seed: int) -> None:
    micrograph = ice(seed)
    blocks, centres = cut_blocks(micrograph, PIXEL, np.empty((0, 2)), DIAMETER, BOX)
    assert blocks.shape == (len(blocks), BOX, BOX)
    assert blocks.dtype == np.float32
    assert centres.shape == (len(blocks), 2)
    assert len(blocks) >= 0.5 * (SHAPE[0] // BOX) * (SHAPE[1] // BOX)
    np.testing.assert_allclose(blocks.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(blocks.std(axis=(1, 2)), 1, atol=0.2)


@pytest.mark.parametrize("box", [32, 48, 49])
def test_blocks_are_where_they_say(box: int) -> None:
    micrograph = ice()
    flat = flatten(micrograph, PIXEL)
    blocks, centres = cut_blocks(micrograph, PIXEL, np.empty((0, 2)), DIAMETER, box)
    assert len(blocks) > 0
    for block, (y, x) in zip(blocks, centres.astype(int), strict=True):
        top, left = y - box // 2, x - box // 2
        assert top >= 0
        assert left >= 0
        np.testing.assert_array_equal(block, remove_plane(flat[top : top + box, left : left + box]))


@settings(deadline=None, max_examples=8)
@given(
    picks=st.lists(st.tuples(st.floats(-20, 320), st.floats(-20, 360)), min_size=1, max_size=12),
    seed=st.integers(0, 3),
)
def test_no_block_touches_a_picked_particle(picks: list[tuple[float, float]], seed: int) -> None:
    centres = np.array(picks)
    _, places = cut_blocks(ice(seed), PIXEL, centres, DIAMETER, BOX)
    for place in places:
        for centre in centres:
            assert farthest(place - BOX // 2, centre, BOX) > DIAMETER / 2 / PIXEL


@pytest.mark.parametrize("height", [1.0, 2.0, -2.0])
def test_particles_that_nobody_picked_are_avoided(height: float) -> None:
    micrograph = ice(1)
    particles = np.array([[90.0, 100.0], [210.0, 250.0]])
    for y, x in particles:
        add_particle(micrograph, y, x, height)
    assert len(cut_blocks(ice(1), PIXEL, particles[:0], DIAMETER, BOX)[0]) > 0
    blocks, places = cut_blocks(micrograph, PIXEL, particles[:0], DIAMETER, BOX)
    assert len(blocks) >= 3
    for place in places:
        for particle in particles:
            assert farthest(place - BOX // 2, particle, BOX) > 0.35 * DIAMETER / PIXEL


def test_odd_regions_are_few_on_plain_ice_and_grow_with_a_lower_limit() -> None:
    flat = flatten(ice(2), PIXEL)
    nothing = np.zeros(SHAPE, dtype=bool)
    parts = [odd_regions(flat, nothing, DIAMETER / PIXEL, limit).mean() for limit in (5, 3, 1)]
    assert parts[0] <= parts[1] <= parts[2]
    assert parts[1] < 0.2


def test_blocks_overlap_no_more_than_asked() -> None:
    micrograph = ice(3)
    counts = []
    for overlap in (0.0, 0.25, 0.5):
        _, places = cut_blocks(micrograph, PIXEL, np.empty((0, 2)), DIAMETER, BOX, overlap=overlap)
        for k, place in enumerate(places):
            apart = np.abs(places[:k] - place)
            shared = np.clip(BOX - apart, 0, None).prod(axis=1) / BOX**2
            assert (shared <= overlap).all()
        counts.append(len(places))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


def test_dead_borders_are_left_out() -> None:
    """Frames that drifted leave constant strips; their blocks would have no noise at all."""
    micrograph = ice(4)
    micrograph[:70] = micrograph.mean()
    micrograph[:, -60:] = 0
    blocks, places = cut_blocks(micrograph, PIXEL, np.empty((0, 2)), DIAMETER, BOX)
    assert len(blocks) > 0
    assert (places[:, 0] - BOX // 2 >= 68).all()
    assert (places[:, 1] + BOX // 2 <= SHAPE[1] - 58).all()
    dead = np.full(SHAPE, 3.0, dtype=np.float32)
    assert cut_blocks(dead, PIXEL, np.empty((0, 2)), DIAMETER, BOX)[0].shape == (0, BOX, BOX)


def test_a_full_or_small_micrograph_gives_no_blocks() -> None:
    everywhere = np.stack(np.meshgrid(np.arange(0, 300, 40), np.arange(0, 340, 40)), axis=-1)
    blocks, places = cut_blocks(ice(), PIXEL, everywhere.reshape(-1, 2), DIAMETER, BOX)
    assert blocks.shape == (0, BOX, BOX)
    assert places.shape == (0, 2)
    blocks, _ = cut_blocks(ice(), PIXEL, np.empty((0, 2)), DIAMETER, 301)
    assert blocks.shape == (0, 301, 301)


def test_the_micrograph_is_left_alone_and_the_blocks_are_the_same_each_time() -> None:
    micrograph = ice(5)
    kept = micrograph.copy()
    one, again = (
        cut_blocks(micrograph, PIXEL, np.array([[50.0, 60.0]]), DIAMETER, BOX) for _ in "ab"
    )
    np.testing.assert_array_equal(micrograph, kept)
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])


def test_a_real_micrograph(test_data: Path) -> None:
    path = next((test_data / "projects/empiar10146_apoferritin/Micrographs").glob("*.mrc"))
    with mrcfile.open(path, permissive=True) as mrc:
        micrograph = mrc.data.astype(np.float32)[:700, :700]
    blocks, _ = cut_blocks(micrograph, 1.5, np.empty((0, 2)), 130.0, 96)
    assert np.isfinite(blocks).all()
    assert (blocks.std(axis=(1, 2)) > 0.3).all()
    assert (blocks.std(axis=(1, 2)) < 2).all()
