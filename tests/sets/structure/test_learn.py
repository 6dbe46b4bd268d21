"""A structure is learned from its images alone, always the same."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from core.sets.classes.views import view
from core.sets.structure.course import Course
from core.sets.structure.learn import MOST_NATS, Structure, Task, taught
from core.sets.structure.slices import Slices
from core.sets.structure.start import blob, cut, likeliest
from core.sets.templates.known_views import KnownViews
from core.sets.templates.posterior_mean import posterior_mean
from core.sets.templates.reference import directions
from core.signal.agreement import masked_correlation
from tests.sets.in_memory import InMemory

from .blobs import BOX, EDGE, PART, grid, images, transform, volume, where

N, NOISE = 400, 6.0
COURSE = Course(30, N, 9)


@pytest.fixture(scope="module")
def task() -> Task:
    """Images of blobs, in noise that hides them."""
    polar = grid()
    noisy, _ = images(N, NOISE)
    views = view(noisy, polar, 4.0, None, np.zeros(N, dtype=np.int64))
    power = transform(directions(100), polar.rings).abs().square().mean((0, 2))
    ignored = lambda count: None  # noqa: E731
    return Task(InMemory(views), torch.arange(N), where(), power, 3.0, None, ignored)


def noise() -> torch.Tensor:
    return torch.full((grid().rings,), NOISE**2 * BOX**2)


@pytest.fixture(scope="module")
def learned(task: Task) -> Structure:
    return taught(blob(task, noise(), 1), task, COURSE, 1)


def agreement(structure: torch.Tensor) -> float:
    """Estimate images that taught nothing as views of a volume; correlate them with the truth."""
    views = Slices(where(), directions(200), 7).samples(structure)
    known = KnownViews(views, noise(), BOX, 4.0, PART * BOX / 2 + EDGE, 1.2, 0.02)
    noisy, clean = images(60, NOISE, seed=5)
    found, _ = posterior_mean(noisy, None, known)
    return float(masked_correlation(found, clean, torch.ones_like(clean)).mean())


def test_it_explains_images_nearly_as_well_as_a_start_from_the_truth(
    task: Task, learned: Structure
) -> None:
    first = agreement(blob(task, noise(), 1).volume)
    truth = Structure(volume() * where().mask, noise(), rings=7)
    best = agreement(taught(truth, task, Course(8, N, 9), 1).volume)
    assert first < best - 0.05
    assert agreement(learned.volume) > first + 0.4 * (best - first)
    assert learned.offset_sd == pytest.approx(1.2, abs=0.2)
    assert learned.empty < 0.05
    assert 0.9 < float((learned.noise / noise())[8:].mean()) < 1.1


def test_the_same_whatever_the_number_of_threads(task: Task) -> None:
    course = Course(4, 150, 7)
    alone = taught(blob(task, noise(), 1), task, course, 1)
    with ThreadPoolExecutor(3) as pool:
        shared = Task(**{**vars(task), "pool": pool})
        again = taught(blob(shared, noise(), 1), shared, course, 1)
    assert torch.equal(alone.volume, again.volume)
    other = taught(blob(task, noise(), 2), task, course, 2)
    assert not torch.equal(alone.volume, other.volume)


def test_the_start_that_explains_the_images_best_is_kept(task: Task) -> None:
    course = Course(6, 150, 7)
    each = [taught(blob(task, noise(), seed), task, course, 1000 * seed) for seed in range(3)]
    told = [structure.log_likelihood for structure in each]
    assert max(told) > min(told) + 0.01 * abs(min(told))
    best = likeliest(task, noise(), course, 3)
    assert torch.equal(best.volume, each[told.index(max(told))].volume)


def test_a_cut_structure_has_only_its_first_rings(learned: Structure) -> None:
    coarse = cut(learned, 3, where())
    slices = Slices(where(), directions(50), 7)
    power = slices.of(coarse.volume).abs().square().mean((0, 2))
    before = slices.of(learned.volume).abs().square().mean((0, 2))
    assert (power[:2] > 0.8 * before[:2]).all()
    assert (power[5:] < 0.2 * before[5:]).all()
    assert coarse.rings == 3


@pytest.mark.parametrize(("images_", "looks"), [(1000, 599), (150, 450), (10, 30)])
def test_a_course_compares_at_most_all_images(images_: int, looks: int) -> None:
    assert Course(3, 150, 7).looks(images_) == looks


def test_iterations_end_where_images_have_said_enough(task: Task, learned: Structure) -> None:
    """And all that was announced is told as done."""
    counts: list[int] = []
    counting = replace(task, tick=counts.append)
    course = Course(30, 150, 7, nats=2.5 * learned.log_likelihood)
    taught(learned, counting, course, 3)
    assert sum(counts) == course.looks(N)
    assert counts[-1] > 0.8 * course.looks(N)  # three or four of 30 iterations were enough


def test_the_rings_grow_however_much_each_image_says(task: Task) -> None:
    weak = 1.0
    polar = grid()
    noisy, _ = images(60, weak)
    seen = view(noisy, polar, 4.0, None, np.zeros(60, dtype=np.int64))
    told = replace(task, source=InMemory(seen), rows=torch.arange(60))
    first = Structure(volume() * where().mask, noise() * (weak / NOISE) ** 2)
    learned = taught(first, told, Course(20, 60, 9, nats=12 * MOST_NATS), 1)
    assert learned.log_likelihood > 2 * MOST_NATS
    assert learned.rings == 9


def test_a_solvent_mask_does_no_harm_to_a_start_from_the_truth(task: Task) -> None:
    truth = Structure(volume() * where().mask, noise(), rings=7)
    course = Course(8, N, 9)
    without, held = (
        agreement(taught(truth, task, replace(course, solvent=solvent), 1).volume)
        for solvent in (1.0, 0.0)
    )
    assert held > without - 0.01
