"""The structure of a set, learned twice: each half of the particles gets what the other taught.

Two coarse volumes are learned from all images; the likelier one is kept. Its first rings hold no
more of any one image than a blob does. From there each half goes on alone, as in the refinement of
structures. Nothing but these rings has seen an image that is judged by them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial

import torch

from ..compute.threads import side_by_side
from ..sets.classes.polar import PolarGrid
from ..sets.covariance.set_prior import SetPrior
from ..sets.structure.course import Course
from ..sets.structure.learn import Task, taught
from ..sets.structure.slices import Lattice, Slices, lattice
from ..sets.structure.start import cut, likeliest
from ..sets.templates.known_views import KnownViews
from ..sets.templates.reference import directions
from .class_learning import OFFSETS, PART
from .estimators.views import Told
from .lesson import Lesson
from .reference_learning import fit_views, fitted, grid_of
from .sampled import Sampled

FEWEST = 400
"""Images in each half from which on a structure is learned."""
MOST = 10_000
"""Images in each half that a structure is learned from."""
STARTS = 2
"""Volumes that are begun; the likeliest is kept."""
TOGETHER = Course(200, 100, 9, 900.0, solvent=0.5)
"""Iterations with all images."""
APART = Course(100, 600, 22, 1200.0, momentum=0.96, solvent=0.0)
"""Iterations with each half, of up to `SMALL` images."""
SMALL = 4000
"""Images of a half. A larger half has more iterations, in proportion: each image must count."""
VOXELS = (32, 48)
"""Of the volumes of both, as wide as the images' box."""
SHARED_RINGS = 7
"""Of the volume that both halves go on from."""
DIRECTIONS = 600
"""Views of the volume that particles are compared with: their directions lie 8 degrees apart."""
_PIECE = 100


def looks(images: int) -> int:
    """Give how often one of so many images is compared with a volume, in all."""
    if images < 2 * FEWEST:
        return 0
    half = min(MOST, images // 2)
    return STARTS * TOGETHER.looks(2 * half) + 2 * apart(half).looks(half)


def apart(images: int) -> Course:
    """Give the iterations with a half of so many images."""
    return replace(APART, iterations=int(APART.iterations * max(1.0, images / SMALL)))


def enough(lesson: Lesson) -> bool:
    """Tell whether there are enough images in each half to learn a structure."""
    return min(int((lesson.halves == half).sum()) for half in (0, 1)) >= FEWEST


def learn_structure(
    lesson: Lesson,
    prior: SetPrior,
    priors: Sequence[SetPrior],
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Told:
    """Learn the views that each half, of `enough` images, may show of the other half's structure.

    Parameters
    ----------
    lesson
        The images; their views are forgotten.
    prior
        Of the whole set.
    priors
        For images of half 0, what half 1 taught of mean and covariance, and the other way round.
    pool
        Whose threads share the work; see `set_learning.learn_from`.
    tick
        Told the number of images after every piece of work.

    Returns
    -------
    views
        For the images of each half, of one volume.
    """
    rows = [(lesson.halves == half).nonzero()[:MOST, 0] for half in (0, 1)]
    grid = grid_of(lesson.views.shape[-1])
    where, fine = (lattice(grid, PART, voxels) for voxels in VOXELS)
    everyone = torch.cat(rows).sort().values
    source = Sampled(lesson.views, lesson.ctf, everyone, grid, prior.pixel_size, pool)
    # Views are fitted to images that they are for: what only the teachers show is made weaker.
    judges = [mine[fitted(len(mine))] for mine in rows]
    judging = [lesson.views[mine] for mine in judges]
    lesson.forget_views()
    reach, power = max(2.0, OFFSETS * grid.box), _power(prior, grid)
    together = Task(source, torch.arange(len(everyone)), where, power, reach, pool, tick)
    noise = prior.noise[grid.radii.long()] * grid.box**2

    best = likeliest(together, noise, TOGETHER, STARTS)
    coarse = cut(best, SHARED_RINGS, where)
    coarse = replace(coarse, volume=where.onto(coarse.volume, fine))

    def of_half(half: int, tick: Callable[[int], None]) -> tuple[KnownViews, ...]:
        own, taught_by = priors[half], torch.searchsorted(everyone, rows[1 - half])
        task = replace(together, rows=taught_by, where=fine, power=_power(own, grid), tick=tick)
        optics = None if lesson.ctf is None else lesson.ctf.take(judges[half].numpy())
        learned = taught(coarse, task, apart(len(taught_by)), 1000 * (STARTS + half))
        raw = projections(learned.volume, fine)
        return (fit_views(raw, judging[half], optics, own, pool),)

    return tuple(side_by_side([partial(of_half, half) for half in (0, 1)], tick))


def projections(volume: torch.Tensor, where: Lattice) -> torch.Tensor:
    """Give the views (k, rings, turns) of a volume in `DIRECTIONS`."""
    made = [
        Slices(where, matrices, where.rings).samples(volume)
        for matrices in torch.split(directions(DIRECTIONS), _PIECE)
    ]
    return torch.cat(made)


def _power(prior: SetPrior, grid: PolarGrid) -> torch.Tensor:
    """Give the power (rings,) of clean images as a set's covariance has it."""
    power = grid.sample(prior.components).square().sum(0).mean(-1)
    return power.clamp(min=1e-6 * float(power.max()))
