"""Begin to learn a volume: from blobs, or from the first rings of another one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import torch

from ...compute.threads import side_by_side
from .course import Course
from .learn import FIRST_RINGS, Structure, Task, taught
from .slices import Lattice

BLOB, ROUGHNESS = 1 / 6, 0.5
"""The first volume: standard deviation of its blob in its size, and strength of random detail."""


def blob(task: Task, noise: torch.Tensor, seed: int) -> Structure:
    """Begin with a round blob and random detail, as strong as the set's signal."""
    where, generator = task.where, torch.Generator().manual_seed(seed)
    ball = where.mask * torch.exp(-0.5 * (where.distances / (BLOB * where.size)).square())
    white = where.mask * torch.randn(ball.shape, generator=generator)
    scale = (where.spread(task.power) / float(where.mask.square().sum())).sqrt()
    detail = where.filtered(white, torch.where(where.radii <= FIRST_RINGS, scale, 0.0))
    rounded = ball * float(task.power[0].sqrt() / where.spectrum(ball)[0, 0, 1].abs())
    return Structure(ROUGHNESS * detail * where.mask + rounded, noise)


def cut(structure: Structure, rings: int, where: Lattice) -> Structure:
    """Leave only the first rings of a structure, to go on from there."""
    volume = where.filtered(structure.volume, (where.radii <= rings).float()) * where.mask
    return Structure(volume, structure.noise, rings=rings)


def likeliest(task: Task, noise: torch.Tensor, course: Course, starts: int) -> Structure:
    """Improve several blobs; keep the structure that explains the images best.

    Expectation-maximisation ends at the nearest good answer, which is not always the best one.
    """

    def begun(seed: int, tick: Callable[[int], None]) -> Structure:
        return taught(blob(task, noise, seed), replace(task, tick=tick), course, 1000 * seed)

    learned = side_by_side([partial(begun, seed) for seed in range(starts)], task.tick)
    return max(learned, key=lambda each: each.log_likelihood)
