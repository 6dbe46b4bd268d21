"""Blocks are ice alone: no pick, no particle that nobody picked, no shading, no dead border."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import mrcfile
import numpy as np
import numpy.typing as npt
import pytest
import starfile
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.noise import cutter
from core.noise.cutter import Cut, CutSettings, cut
from core.noise.shading import remove_plane
from core.signal.spectrum import radial_power

from .synthetic_ice import (
    SD,
    Micrograph,
    add_ball,
    distance_to_block,
    ice,
    image_of,
    segmentation_of,
)

PIXEL, DIAMETER, BOX = 5.0, 160.0, 48
ACROSS = DIAMETER / PIXEL
SHAPE = (300, 340)
NO_PICKS = np.empty((0, 2))
SETTINGS = CutSettings(box=BOX)


def cut_ice(
    micrograph: Micrograph,
    picks: npt.NDArray[np.float64] | None = None,
    settings: CutSettings = SETTINGS,
    labels: npt.NDArray[np.integer] | None = None,
) -> Cut:
    shape = (micrograph.shape[0], micrograph.shape[1])
    segmentation = None if labels is None else segmentation_of(labels, shape)
    return cut(image_of(micrograph), PIXEL, segmentation, DIAMETER, picks, settings)


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


def test_the_plane_takes_what_the_docstring_says() -> None:
    white = np.random.default_rng(0).normal(size=(400, BOX, BOX)).astype(np.float32)
    flat = np.stack([remove_plane(block) for block in white])
    before, after = (radial_power(torch.from_numpy(x)).mean(0).numpy() for x in (white, flat))
    ratio = after / before
    assert ratio[1] == pytest.approx(0.85, abs=0.04)
    assert ratio[2] == pytest.approx(0.97, abs=0.02)
    np.testing.assert_allclose(ratio[4:], 1, atol=0.02)


@settings(deadline=None, max_examples=6)
@given(
    seed=st.integers(0, 999),
    box=st.sampled_from([24, 32, 48, 49, 64]),
    diameter=st.floats(80, 300),
    overlap=st.sampled_from([0.0, 0.25, 0.5]),
)
def test_at_most_a_tenth_of_pure_noise_is_rejected(
    seed: int, box: int, diameter: float, overlap: float
) -> None:
    wanted = CutSettings(box=box, overlap=overlap)
    accepted, rejected = 0, 0
    for k in range(2):
        made = cut(image_of(ice(seed + k)), PIXEL, None, diameter, None, wanted)
        accepted += len(made.blocks)
        rejected += sum(made.rejected.values())
    possible = 2 * (SHAPE[0] // box) * (SHAPE[1] // box)
    assert rejected <= 0.1 * (accepted + rejected) + 3
    assert accepted >= 0.7 * possible
    assert len(made.blocks) == len(made.positions) == len(made.sd) == len(made.mean)


def test_units_of_blocks() -> None:
    micrograph = ice(3)
    made = cut_ice(micrograph)
    assert made.blocks.dtype == np.float32
    assert made.blocks.shape == (len(made.blocks), BOX, BOX)
    np.testing.assert_allclose(made.blocks.mean(axis=(1, 2)), 0, atol=1e-4)
    np.testing.assert_allclose(made.sd, SD, rtol=0.2)
    unit = made.sd / made.blocks.std(axis=(1, 2))
    np.testing.assert_allclose(unit, np.median(made.sd), rtol=1e-4)
    for mean, (y, x) in zip(made.mean, made.positions.astype(int) - BOX // 2, strict=True):
        assert mean == pytest.approx(micrograph[y : y + BOX, x : x + BOX].mean(), rel=1e-5)
    scaled = cut_ice(20 * micrograph - 5)
    np.testing.assert_array_equal(scaled.positions, made.positions)
    np.testing.assert_allclose(scaled.blocks, made.blocks, atol=5e-3)
    np.testing.assert_allclose(scaled.sd, 20 * made.sd, rtol=1e-3)


@pytest.mark.parametrize("box", [32, 48, 49])
def test_blocks_are_where_they_say(box: int) -> None:
    """What a block differs from its place in the micrograph by changes slowly: the shading."""
    micrograph = ice()
    made = cut_ice(micrograph, settings=CutSettings(box=box))
    assert len(made.blocks) > 0
    unit = np.median(made.sd)
    for block, (y, x) in zip(made.blocks, made.positions.astype(int), strict=True):
        top, left = y - box // 2, x - box // 2
        assert top >= 0
        assert left >= 0
        raw = remove_plane(micrograph[top : top + box, left : left + box])
        np.testing.assert_allclose(unit * block, raw, atol=0.1 * SD)


@settings(deadline=None, max_examples=8)
@given(
    picks=st.lists(st.tuples(st.floats(-20, 320), st.floats(-20, 360)), min_size=1, max_size=12),
    margin=st.sampled_from([0.0, 10.0, 40.0]),
    seed=st.integers(0, 3),
)
def test_no_block_touches_a_picked_particle(
    picks: list[tuple[float, float]], margin: float, seed: int
) -> None:
    centres = np.array(picks)
    made = cut_ice(ice(seed), centres, replace(SETTINGS, margin=margin))
    for place in made.positions:
        for centre in centres:
            assert distance_to_block(centre, place, BOX) > (DIAMETER / 2 + margin) / PIXEL - 0.05


@pytest.mark.parametrize(("grid", "margin"), [((30, 34), 0.0), ((29, 31), 30.0), ((75, 85), 10.0)])
def test_no_block_touches_what_the_segmentation_found(grid: tuple[int, int], margin: float) -> None:
    labels = np.zeros(grid, dtype=np.uint8)
    labels[: grid[0] // 3, : grid[1] // 4] = 1
    labels[grid[0] // 2, grid[1] // 2] = 2
    made = cut_ice(ice(1), settings=replace(SETTINGS, margin=margin), labels=labels)
    assert len(made.blocks) > 3
    for y, x in np.argwhere(labels):
        low = np.array([y, x]) * SHAPE / grid
        high = low + np.array(SHAPE) / grid
        for place in made.positions:
            corner = place - BOX // 2
            gap = np.maximum(0, np.maximum(low - (corner + BOX), corner - high))
            apart = (low >= corner + BOX - 1e-6) | (corner >= high - 1e-6)
            assert apart.any()
            assert np.hypot(*gap) >= margin / PIXEL - 1


@pytest.mark.parametrize(("height", "texture"), [(1.0, 0.0), (0.8, 0.7), (2.0, 0.0), (-2.0, 0.0)])
def test_particles_that_nobody_picked_are_avoided(height: float, texture: float) -> None:
    holding, blocks, seen = 0, 0, 0
    for seed in range(2):
        micrograph = ice(seed)
        particles = np.random.default_rng(seed).uniform(0, 300, (12, 2))
        for y, x in particles:
            add_ball(micrograph, y, x, ACROSS, height, texture)
        made = cut_ice(micrograph)
        assert made.rejected[cutter.DENSITY] + made.rejected[cutter.POWER] > 5
        near = [
            any(distance_to_block(p, place, BOX) < 0.3 * ACROSS for p in particles)
            for place in made.positions
        ]
        holding, blocks, seen = holding + sum(near), blocks + len(near), seen + len(particles)
    assert blocks >= 12
    assert holding <= 0.05 * seen


def test_a_crowded_micrograph_gives_its_gaps_alone() -> None:
    """Half of the particles are picked; hardly any ice is left to compare with."""
    micrograph = ice(2, (500, 500))
    particles = np.stack(np.meshgrid(np.arange(20, 500, 45), np.arange(20, 500, 45)), axis=-1)
    particles = particles.reshape(-1, 2).astype(np.float64)
    particles = particles[~((particles > 180) & (particles < 350)).all(axis=1)]
    for y, x in particles:
        add_ball(micrograph, y, x, ACROSS, 1.0)
    made = cut_ice(micrograph, particles[::2])
    assert 5 <= len(made.blocks) <= 20
    for place in made.positions:
        assert min(distance_to_block(p, place, BOX) for p in particles) > 0.3 * ACROSS


def hot_pixels(micrograph: Micrograph) -> None:
    micrograph[75::150, 75::170] += 15 * SD


def loud_corner(micrograph: Micrograph) -> None:
    part = micrograph[200:, 240:]
    part += 1.0 * (part - part.mean())


def lattice(micrograph: Micrograph) -> None:
    y, x = np.ogrid[:100, :100]
    micrograph[200:, 240:] += (0.8 * SD * np.cos(1.6 * y + 0.9 * x)).astype(np.float32)


@pytest.mark.parametrize(
    ("spoil", "reasons"),
    [
        (hot_pixels, {cutter.OUTLIERS}),
        (loud_corner, {cutter.VARIANCE, cutter.POWER, cutter.DENSITY}),
        (lattice, {cutter.SPECTRUM, cutter.VARIANCE, cutter.POWER}),
    ],
)
def test_odd_blocks_are_rejected_with_the_reason(spoil: object, reasons: set[str]) -> None:
    assert callable(spoil)
    micrograph = ice(4)
    spoil(micrograph)
    marks = ice(4) != micrograph
    made = cut_ice(micrograph, settings=replace(SETTINGS, overlap=0.0))
    assert sum(made.rejected[r] for r in reasons) >= 3
    for y, x in made.positions.astype(int) - BOX // 2:
        assert marks[y : y + BOX, x : x + BOX].mean() < (0.3 if marks.mean() > 0.01 else 1e-9)
    assert len(made.blocks) >= 15


def test_pixels_without_an_image_are_left_out() -> None:
    """Frames that drifted leave strips; the reader fills them, and says so."""
    valid = np.ones(SHAPE, dtype=bool)
    valid[:70], valid[:, -60:], valid[180, 120] = False, False, False
    made = cut(image_of(ice(4), valid), PIXEL, None, DIAMETER, None, SETTINGS)
    assert len(made.blocks) > 3
    for y, x in made.positions.astype(int) - BOX // 2:
        assert valid[y : y + BOX, x : x + BOX].all()


@pytest.mark.filterwarnings("ignore:invalid value")
def test_no_block_holds_a_number_that_is_none() -> None:
    micrograph = ice(4)
    micrograph[200, 200], micrograph[20:30, 300] = np.nan, np.inf
    made = cut_ice(micrograph)
    assert len(made.blocks) > 10
    assert np.isfinite(made.blocks).all()
    assert np.isfinite(made.sd).all()


def test_no_noise_no_blocks() -> None:
    made = cut_ice(np.full(SHAPE, 3.0, dtype=np.float32))
    assert made.blocks.shape == (0, BOX, BOX)
    dead = ice()
    dead[100:200, :] = 880
    made = cut_ice(dead)
    assert len(made.blocks) > 5
    assert (made.sd > 0.5 * SD).all()


def test_blocks_overlap_no_more_than_asked() -> None:
    micrograph = ice(3)
    counts = []
    for overlap in (0.0, 0.25, 0.5):
        places = cut_ice(micrograph, settings=replace(SETTINGS, overlap=overlap)).positions
        for k, place in enumerate(places):
            apart = np.abs(places[:k] - place)
            assert (np.clip(BOX - apart, 0, None).prod(axis=1) / BOX**2 <= overlap).all()
        counts.append(len(places))
    assert counts == sorted(counts)
    assert counts[0] < counts[-1]


@pytest.mark.parametrize("stride", [1, 7, 48])
def test_the_stride_is_kept(stride: int) -> None:
    made = cut_ice(ice(3), settings=replace(SETTINGS, stride=stride, overlap=0.0))
    assert len(made.blocks) >= 20
    assert ((made.positions - BOX // 2) % stride == 0).all()


def test_as_many_blocks_as_asked_for_spread_over_the_micrograph() -> None:
    micrograph = ice(5)
    made = cut_ice(micrograph, settings=replace(SETTINGS, per_micrograph=6))
    assert len(made.blocks) == 6
    for axis, side in enumerate(SHAPE):
        assert 2 <= (made.positions[:, axis] < side / 2).sum() <= 4
    assert len(cut_ice(micrograph, settings=replace(SETTINGS, per_micrograph=999)).blocks) > 20


EVERYWHERE = np.stack(
    np.meshgrid(np.arange(0, 300, 20), np.arange(0, 340, 20), indexing="ij"), axis=-1
).reshape(-1, 2)


@pytest.mark.parametrize(
    ("changes", "picks", "reason"),
    [
        ({"box": 301}, NO_PICKS, cutter.LARGE_WINDOW),
        ({}, EVERYWHERE, cutter.LITTLE_BACKGROUND),
        ({"min_background": 0.9}, np.array([[150.0, 170.0]] * 2), None),
        ({"min_background": 0.999}, np.array([[150.0, 170.0]]), cutter.LITTLE_BACKGROUND),
        ({"box": 200, "min_background": 0.0}, EVERYWHERE[::3], cutter.NO_WINDOW),
    ],
)
def test_no_blocks_and_why(
    changes: dict[str, float], picks: npt.NDArray[np.float64], reason: str | None
) -> None:
    wanted = replace(SETTINGS, **changes)
    made = cut_ice(ice(), picks, wanted)
    if reason is None:
        assert len(made.blocks) > 0
        return
    assert made.blocks.shape == (0, wanted.box, wanted.box)
    assert made.positions.shape == (0, 2)
    assert made.sd.shape == made.mean.shape == (0,)
    assert made.rejected == Counter({reason: 1})


def test_a_particle_larger_than_the_micrograph() -> None:
    made = cut(image_of(ice()), 0.5, None, 200.0, None, SETTINGS)
    assert made.rejected == Counter({cutter.LARGE_PARTICLE: 1})


def test_an_all_carbon_micrograph() -> None:
    made = cut_ice(ice(), labels=np.ones((30, 34), dtype=np.uint8))
    assert made.rejected == Counter({cutter.LITTLE_BACKGROUND: 1})


def test_the_micrograph_is_left_alone_and_the_blocks_are_the_same_each_time() -> None:
    micrograph = ice(5)
    kept = micrograph.copy()
    one, again = (cut_ice(micrograph, np.array([[50.0, 60.0]])) for _ in "ab")
    np.testing.assert_array_equal(micrograph, kept)
    np.testing.assert_array_equal(one.blocks, again.blocks)
    np.testing.assert_array_equal(one.positions, again.positions)


def test_the_blocks_have_the_spectrum_of_the_ice() -> None:
    """But for the lowest ring, of which the plane takes a part."""
    big = [ice(seed, (512, 512), shading=0.0) for seed in range(3)]
    cuts = [cut_ice(micrograph) for micrograph in big]
    found = [radial_power(torch.from_numpy(c.blocks * np.float32(np.median(c.sd)))) for c in cuts]
    tiles = [
        micrograph[y : y + BOX, x : x + BOX] - micrograph[y : y + BOX, x : x + BOX].mean()
        for micrograph in big
        for y in range(0, 512 - BOX, BOX // 2)
        for x in range(0, 512 - BOX, BOX // 2)
    ]
    expected = radial_power(torch.from_numpy(np.stack(tiles))).mean(0)
    ratio = (torch.cat(found).mean(0) / expected).numpy()[1:]
    assert ratio[0] == pytest.approx(0.8, abs=0.1)
    np.testing.assert_allclose(ratio[1:], 1, atol=0.1)


def real_cut(test_data: Path, project: str, name: str, diameter: float, box: int) -> Cut:
    folder = test_data / "projects" / project
    with mrcfile.open(folder / "Micrographs" / f"{name}.mrc", permissive=True) as mrc:
        micrograph = mrc.data.astype(np.float32)
        pixel_size = float(mrc.voxel_size.x)
    table = starfile.read(folder / "AutoPick/job002/Micrographs" / f"{name}_autopick.star")
    picks = table[["rlnCoordinateY", "rlnCoordinateX"]].to_numpy(dtype=np.float64)
    hidden = np.arange(len(picks)) % 3 == 0
    settings = CutSettings(box=box)
    made = cut(image_of(micrograph), pixel_size, None, diameter, picks[~hidden], settings)
    for place in made.positions:
        for pick in picks[hidden]:
            assert distance_to_block(pick, place, box) > 0.35 * diameter / pixel_size
    return made


@pytest.mark.parametrize(
    ("project", "name", "diameter", "box", "least"),
    [
        ("empiar10028_80S", "062_10028", 300.0, 72, 30),
        ("empiar10146_apoferritin", "May08_03_15_02_bin_avg", 130.0, 64, 8),
    ],
)
def test_a_real_micrograph_of_which_a_third_of_the_picks_is_missing(
    test_data: Path, project: str, name: str, diameter: float, box: int, least: int
) -> None:
    made = real_cut(test_data, project, name, diameter, box)
    assert len(made.blocks) >= least
    assert made.rejected[cutter.DENSITY] >= 10
    assert np.isfinite(made.blocks).all()
    np.testing.assert_allclose(made.blocks.std(axis=(1, 2)), 1, atol=0.2)
