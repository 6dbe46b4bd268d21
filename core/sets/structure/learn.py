"""Learn a volume from images whose views nobody knows.

Expectation-maximisation in random batches: each batch is compared with the projections of the
volume as images are compared with class averages (class, turn in the plane, offset); what they add
up to, joined with what earlier batches added up to, makes the next volume. Coarse rings come first.
The directions of view are turned at random each time, so that none of them is special.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass, replace

import torch
from scipy.spatial.transform import Rotation

from ...compute.free_memory import return_free_memory
from ..classes.engine import Engine, Settings, Source
from ..classes.maximisation import noise_of
from ..classes.mixture import Mixture, Statistics
from ..classes.search import COARSE_RINGS, disc, search_among
from ..templates.reference import directions
from .course import Course
from .envelope import solvent_mask
from .reconstruction import Sums, reconstructed, sums_of
from .slices import Lattice, Slices

FIRST_RINGS, AHEAD = 6, 3
"""Rings of the first iterations; and those that are learned beyond the compared ones."""
MOST_DIRECTIONS = 260
FINELY = 16
"""Directions that an image is compared with on the fine rings. On the coarse rings it is compared
with all: where noise is strong, one image fits many directions."""
STEP, PERIOD = 2.0, 0.25
"""Pixels between offsets that are tried, at least; else this part of the finest period."""
LEAST_OFFSET_SD = 1.2
"""Pixels."""
EMPTY = (0.005, 0.5)
"""Part of the images that may show nothing: least and most."""
FIRST_EMPTY, FIRST_OFFSET_SD = 0.02, 2.0  # pixels
SETTLED = 0.6
"""Part of the iterations after which the part of empty images is told."""
MEMORY = 6.0
"""Batches of the past that count, beside the newest, from half of the iterations on."""
FREEDOM = 4.0
"""Factor on the power that is expected of the volume, in the first half of the iterations."""
LAST_MOMENTUM = 0.9
"""Part of the iterations after which there is no momentum."""
GROWTH = 3
"""Iterations for each further ring."""
MOST_NATS = 30.0
"""Log-likelihood of an image that counts in one iteration, at most. Where an image says much more,
few iterations would be enough, but the rings would not have grown yet."""
PIECE, PRODUCTS = 300, 100_000
"""Images that one thread works on at a time, at most; and how often, in all, it compares them with
a direction at an offset."""
RENEWED = 10
"""Iterations after which the solvent mask is made anew."""
TIDY = 4
"""Iterations after which free memory goes back to the system."""


@dataclass(frozen=True)
class Task:
    """What is asked of the images.

    Attributes
    ----------
    source, rows
        The images, and those among them that are learned from.
    where
        The volume.
    power : (rings,)
        That is expected of clean images on the rings of the grid, before the CTF.
    offset_range
        Largest standard deviation of offsets, pixels.
    pool
        Whose threads share the images; the result does not depend on their number.
    tick
        Told the number of images after every piece of work.
    """

    source: Source
    rows: torch.Tensor
    where: Lattice
    power: torch.Tensor
    offset_range: float
    pool: Executor | None
    tick: Callable[[int], None]


@dataclass(frozen=True)
class Structure:
    """What is believed of the particles.

    Attributes
    ----------
    volume : (size, size, size)
        White.
    noise : (rings,)
        Power in a Fourier pixel of the whole box.
    offset_sd
        Of the particles along y and along x, pixels.
    empty
        Part of the images that show none.
    rings
        That are compared.
    log_likelihood
        Of an image over that of noise alone, mean of the last iterations.
    """

    volume: torch.Tensor
    noise: torch.Tensor
    offset_sd: float = FIRST_OFFSET_SD
    empty: float = FIRST_EMPTY
    rings: int = FIRST_RINGS
    log_likelihood: float = -math.inf


def taught(start: Structure, task: Task, course: Course, seed: int) -> Structure:
    """Improve a structure by some iterations; the same for the same seed."""
    generator = torch.Generator().manual_seed(seed)
    now, moving, sums, where = start, start.volume, None, task.where
    recent: list[float] = []
    number, looks, nats, part = 0, 0, 0.0, 0.0
    while part < 1:
        count = course.images(part, len(task.rows))
        stands_for = min(len(task.rows), count * (1 + MEMORY * min(1.0, 2 * part)))
        batch = task.rows[torch.randperm(len(task.rows), generator=generator)[:count].sort().values]
        turned = torch.from_numpy(Rotation.random(random_state=seed + number).as_matrix()).float()
        matrices = turned @ directions(min(MOST_DIRECTIONS, 20 * now.rings - 20))
        learned = min(task.where.rings, now.rings + AHEAD)
        slices = Slices(task.where, matrices, learned)
        seen = _compared(replace(now, volume=moving), slices, task, batch)
        share = count / stands_for
        fresh = sums_of(seen, slices, task.where)
        sums = fresh if sums is None else sums.mixed(fresh, share)
        freedom = FREEDOM ** max(0.0, 1 - 2.5 * max(0.0, part - 0.5))
        power = freedom * task.power[:learned]
        if part >= course.solvent and number % RENEWED == 0:
            where = replace(task.where, mask=solvent_mask(now.volume, task.where))
        volume = reconstructed(sums, stands_for, power, moving, where)
        further = course.momentum if number and part < LAST_MOMENTUM else 0.0
        moving = volume + further * (volume - now.volume)
        recent = [*recent[-15:], float(seen.log_likelihood) / count]
        now = replace(
            _believed(now, seen, share, task, settled=part > SETTLED),
            volume=volume,
            log_likelihood=sum(recent) / len(recent),
        )
        if number % TIDY == TIDY - 1:
            return_free_memory()
        if number % GROWTH == GROWTH - 1:
            shown = _shown(sums, stands_for, slices.of(volume), where)
            rings = min(now.rings + 1, course.last_ring, shown + 1)
            now = replace(now, rings=max(FIRST_RINGS, rings))
        number, looks, nats = number + 1, looks + count, nats + min(MOST_NATS, max(0.0, recent[-1]))
        part = max(number / course.iterations, nats / course.nats)
    task.tick(max(0, course.looks(len(task.rows)) - looks))
    return now


def _compared(now: Structure, slices: Slices, task: Task, batch: torch.Tensor) -> Statistics:
    """Compare images with the projections of a volume."""
    views = slices.samples(now.volume)
    views[:, now.rings :] = 0
    weights = torch.full((len(views) + 1,), (1 - now.empty) / len(views))
    weights[-1] = now.empty
    grid = task.where.grid
    step = max(STEP, PERIOD * grid.box / now.rings)
    offsets = disc(max(step, 2.2 * now.offset_sd), step)
    finely = len(views) if now.rings <= COARSE_RINGS else FINELY
    search = search_among(views[:, : now.rings], now.noise, offsets, finely)
    piece = max(1, min(PIECE, PRODUCTS // (search.finely * len(offsets))))
    settings = Settings(len(views), task.offset_range, piece=piece)
    engine = Engine(task.source, grid, settings, task.pool, task.tick)
    mixture = Mixture(views, weights, now.noise[None], now.offset_sd)
    return engine.run(mixture, search, batch, torch.zeros(engine.images, 2))


def _believed(
    now: Structure, seen: Statistics, share: float, task: Task, *, settled: bool
) -> Structure:
    """Give what a batch says of noise, offsets and empty images, beside what was believed."""
    images, inside = float(seen.members.sum()), float(seen.counts[:-1].sum())
    former = Mixture(now.volume[None], now.noise, now.noise[None], now.offset_sd)
    noise = noise_of(seen, former, task.where.grid.mask_power)[0]
    spread = math.sqrt(float(seen.offsets) / max(inside, 1.0) / 2)
    spread = min(max(spread, LEAST_OFFSET_SD), task.offset_range)
    empty = min(max(1 - (inside + 0.5) / (images + 1), EMPTY[0]), EMPTY[1])
    return replace(
        now,
        noise=torch.lerp(now.noise, noise, share),
        offset_sd=now.offset_sd + share * (spread - now.offset_sd),
        empty=now.empty + share * (empty - now.empty) if settled else now.empty,
    )


def _shown(sums: Sums, images: float, slices: torch.Tensor, where: Lattice) -> int:
    """Tell the last ring on which the volume is stronger than the noise left in it."""
    rings = slices.shape[1]
    weights = where.ring_means(sums.weights, rings) * images * (where.padded / where.box) ** 3
    above = slices.abs().square().mean((0, 2)) * weights > where.filled
    shown = above.nonzero()
    return int(shown[-1]) + 1 if len(shown) else 0
