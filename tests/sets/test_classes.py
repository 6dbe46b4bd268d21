from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

from core.sets.classes.agreement import ring_correlations, rings_seen
from core.sets.classes.engine import Engine, Settings
from core.sets.classes.expectation import Comparison
from core.sets.classes.halves import evidence_of, judged_by_the_other, learn_halves
from core.sets.classes.learn import Learned, learn
from core.sets.classes.matching import laid_on
from core.sets.classes.mixture import Mixture
from core.sets.classes.pairs import every_pair
from core.sets.classes.polar import PolarGrid, polar_grid
from core.sets.classes.poses import best_poses
from core.sets.classes.search import FINER, Search, disc, templates, turns_for
from core.sets.classes.views import Views, view
from core.signal.ctf import CtfParameters, ctf_images, random_ctf

from .glyphs import BOX, PIXEL_SIZE, glyphs, placed, scenes
from .in_memory import InMemory

GRID_RADIUS = 22.0


@pytest.fixture(scope="module")
def grid() -> PolarGrid:
    return polar_grid(BOX, GRID_RADIUS)


def seen(images: torch.Tensor, grid: PolarGrid, ctf: CtfParameters | None = None) -> Views:
    return view(images, grid, PIXEL_SIZE, ctf, np.zeros(len(images), dtype=np.int64))


def true_mixture(grid: PolarGrid, noise: float) -> Mixture:
    averages = grid.sample(torch.from_numpy(glyphs()).float())
    power = torch.full((1, grid.rings), noise**2 * BOX**2)
    return Mixture(averages, torch.full((4,), 0.25), power, 1.2)


def everything(images: Views, grid: PolarGrid, classes: int, threads: int = 1) -> Learned:
    with ThreadPoolExecutor(threads) as pool:
        settings = Settings(classes=classes, offset_range=3.0, iterations=12, seed=1)
        return learn(Engine(InMemory(images), grid, settings, pool), torch.arange(len(images)))


def test_known_averages_find_class_turn_and_offset(grid: PolarGrid) -> None:
    noise = 0.7
    images, which, turns, offsets = scenes(60, noise, seed=0)
    mixture = true_mixture(grid, noise)
    search = Search(20, 128, disc(4.0, 1.0), 1.0, 3)
    comparison = Comparison(seen(images, grid), torch.zeros(60, 2), mixture, grid)
    poses = best_poses(comparison.fit(search, templates(mixture, search, grid)), search)
    assert (poses.classes.numpy() == which).mean() > 0.95
    right = poses.classes.numpy() == which
    apart = np.abs((poses.turns.numpy() - turns + 180) % 360 - 180)[right]
    assert np.median(apart) < 3
    assert np.median(np.abs(poses.offsets.numpy() - offsets)[right]) < 0.4


def test_phase_flipped_images_fit_the_same_averages(grid: PolarGrid) -> None:
    noise, blank = 0.7, torch.zeros(60, 2)
    ctf = random_ctf(np.random.default_rng(1), 60, (8000.0, 20000.0))
    images, which, _, _ = scenes(60, noise, seed=1, ctf=ctf)
    signs = ctf_images(ctf, PIXEL_SIZE, BOX).sign()
    flipped = torch.fft.irfft2(torch.fft.rfft2(images) * signs, s=(BOX, BOX))
    mixture = true_mixture(grid, noise)
    search = Search(20, 128, disc(4.0, 1.0), 1.0, 3)
    known = templates(mixture, search, grid)
    groups = np.zeros(60, dtype=np.int64)
    likelihoods = []
    for shown, is_flipped in ((images, False), (flipped, True), (flipped, False)):
        views = view(shown, grid, PIXEL_SIZE, ctf, groups, flipped=is_flipped)
        poses = best_poses(Comparison(views, blank, mixture, grid).fit(search, known), search)
        likelihoods.append(float(poses.log_likelihood.mean()))
        assert is_flipped is False or (poses.classes.numpy() == which).mean() > 0.9
    assert likelihoods[1] == pytest.approx(likelihoods[0], rel=0.1)
    assert likelihoods[2] < likelihoods[1]


def test_log_likelihood_is_that_of_the_images(grid: PolarGrid) -> None:
    """Without turns and offsets it is the difference of squares, worked out in the images."""
    noise = 0.7
    picture = torch.from_numpy(glyphs()).float()[:1]
    drawn = torch.randn(8, BOX, BOX, generator=torch.Generator().manual_seed(0))
    images = picture + noise * drawn
    expected = (images.square() - (images - picture).square()).sum(dim=(1, 2)) / 2 / noise**2
    mixture = true_mixture(grid, noise)
    search = Search(grid.rings, grid.turns, torch.zeros(1, 2), 1.0, 3)
    comparison = Comparison(seen(images, grid), torch.zeros(8, 2), mixture, grid)
    known = templates(mixture, search, grid)
    pairs = every_pair(8, range(1))
    fits = comparison.log_likelihood(comparison.spectra(search), pairs, search, known)[0, 0]
    prior = -np.log(2 * np.pi * mixture.offset_sd**2) - np.log(grid.turns)
    # The mean over the whole picture is in no ring, and the corners are in no ring either.
    np.testing.assert_allclose(fits.numpy() - prior, expected.numpy(), rtol=0.15)


def test_pictures_are_told_apart_without_being_known(grid: PolarGrid) -> None:
    ctf = random_ctf(np.random.default_rng(0), 400, (8000.0, 20000.0))
    images, which, _, _ = scenes(400, 0.7, seed=0, ctf=ctf)
    learned = everything(seen(images, grid, ctf), grid, classes=6)
    found = learned.poses.classes.numpy()
    pure = sum(np.bincount(which[found == k]).max() for k in np.unique(found)) / len(which)
    assert pure > 0.9
    made = grid.images(learned.mixture.averages)[int(np.bincount(found).argmax())]
    assert float(made.std()) > 0
    assert learned.log_likelihoods[-1] > learned.log_likelihoods[0]


def test_neither_threads_nor_luck_change_the_result(grid: PolarGrid) -> None:
    images = seen(scenes(600, 1.0, seed=3)[0], grid)
    torch_threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        one, two = (everything(images, grid, 4, threads) for threads in (1, 2))
    finally:
        torch.set_num_threads(torch_threads)
    torch.testing.assert_close(one.mixture.averages, two.mixture.averages, rtol=0, atol=0)
    assert torch.equal(one.poses.classes, two.poses.classes)
    assert torch.equal(one.poses.turns, two.poses.turns)


def test_empty_images_are_told_from_particles(grid: PolarGrid) -> None:
    images, _, _, _ = scenes(300, 0.7, seed=4)
    generator = torch.Generator().manual_seed(5)
    empty = 0.7 * torch.randn(75, BOX, BOX, generator=generator)
    learned = everything(seen(torch.cat([images, empty]), grid), grid, classes=4)
    found = learned.poses.classes.numpy()
    assert (found[300:] == 4).mean() > 0.9
    assert (found[:300] == 4).mean() < 0.1


@pytest.mark.parametrize("noise_alone", [True, False])
def test_two_halves_tell_noise_from_particles(grid: PolarGrid, noise_alone: bool) -> None:
    settings = Settings(classes=4, offset_range=3.0, iterations=12)
    generator = torch.Generator().manual_seed(6)
    images = torch.randn(400, BOX, BOX, generator=generator)
    if not noise_alone:
        images = scenes(400, 1.0, seed=6)[0]
    engine, rows = Engine(InMemory(seen(images, grid)), grid, settings), torch.arange(400)
    learned, halves = learn(engine, rows), learn_halves(engine, rows)
    assert halves is not None
    assert sorted(torch.cat(halves.rows).tolist()) == rows.tolist()
    judged = judged_by_the_other(engine, halves)
    told = evidence_of(judged.log_likelihood)
    assert told.something == (not noise_alone)
    rings = rings_seen(ring_correlations(learned.mixture, halves, grid), grid)
    seen_well = BOX / rings[rings > 0].float()
    if noise_alone:
        assert (rings == 0).all()
    else:
        assert len(seen_well) == 4
        assert seen_well.max() < 8  # pixels; the pictures' strokes are 4 to 6 wide


def test_pictures_are_laid_on_others(grid: PolarGrid) -> None:
    pictures = torch.from_numpy(glyphs()).float()
    turns, offsets = (40.0, 200.0, 311.0), np.array([(1.0, 2.0), (-2.0, 0.5), (0.0, -1.5)])
    turned = [placed(*each) for each in zip(glyphs(), turns, offsets, strict=True)]
    others = torch.from_numpy(np.array(turned)).float().flip(0)
    one, other = grid.sample(pictures), grid.sample(others)
    laid = laid_on(one, other, other, grid)
    apart = (laid - one).square().mean((1, 2)) / one.square().mean((1, 2))
    assert float(apart.max()) < 0.03


def test_finer_views_are_tried_in_more_turns(grid: PolarGrid) -> None:
    angles = torch.arange(grid.turns) * (2 * torch.pi / grid.turns)
    noise = torch.ones(grid.rings)
    for highest in (0, 3, 9):
        ring = 5 + torch.cos(highest * angles) + 0.01 * torch.cos(20 * angles)
        assert turns_for(ring.expand(4, 7, -1), noise) == 2 * FINER * (highest + 1)
    assert turns_for(torch.zeros(4, 7, grid.turns), noise) == 2 * FINER
