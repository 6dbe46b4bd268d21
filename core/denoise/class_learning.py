"""The classes of a set, learned twice: each half of the particles gets what the other half taught.

A class average holds the noise of the images that it was made from. An image that was among them
would find its own noise there, and take it for signal.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import replace

import numpy as np
import torch

from ..sets.classes.engine import Engine, Settings
from ..sets.classes.learn import teach
from ..sets.classes.polar import EDGE, PolarGrid, polar_grid
from ..sets.covariance.set_prior import SetPrior
from ..sets.templates.known_views import KnownViews
from .estimators.views import Told
from .lesson import Lesson
from .sampled import Sampled

FEWEST = 200
"""Images in each half from which on classes are learned."""
MOST = 4000
"""Images of each half that classes are learned from."""
ITERATIONS = 14
TIMES = 3
"""How often a half's classes are learned: their mean has less noise."""
LEAST_OFFSET_SD = 1.2
"""Pixels; in strong noise the images tell too small a spread."""
PER_CLASS = 2000.0
"""Energy of the signal, over the noise's per pixel, that a class needs in all its images."""
FEWEST_OF_CLASS = 17
"""Images of a half for each class, at least."""
CLASSES = (4, 100)
PART = 0.75
"""Diameter of the mask as a part of the image."""
OFFSETS = 0.06
"""Largest standard deviation of offsets that is looked for, as a part of the image."""
MISFIT = 1.3
"""Factor on the noise: what class averages leave of the particles is not as random as noise."""


def learn_classes(
    lesson: Lesson,
    priors: Sequence[SetPrior],
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Told | None:
    """Learn what each half of the images may show from the other half.

    Parameters
    ----------
    lesson
        The images.
    priors
        For images of half 0, what half 1 taught of mean and covariance, and the other way round.
    pool
        Whose threads share the work; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.

    Returns
    -------
    views
        Those for the images of half 0, and for those of half 1; None where images are too few.
    """
    taught = [(lesson.halves == half).nonzero()[:MOST, 0] for half in (1, 0)]
    if min(len(rows) for rows in taught) < FEWEST:
        return None
    box = lesson.views.shape[-1]
    grid = polar_grid(box, PART * box / 2 + EDGE)
    found = []
    for rows, prior in zip(taught, priors, strict=True):
        source = Sampled(lesson.views, lesson.ctf, rows, grid, prior.pixel_size, pool)
        settings = Settings(
            classes=how_many_classes(len(rows), prior.signal),
            offset_range=max(2.0, OFFSETS * box),
            least_offset_sd=LEAST_OFFSET_SD,
            iterations=ITERATIONS,
            covariances=ring_covariances(prior, grid),
        )
        engines = [
            Engine(source, grid, replace(settings, seed=seed), pool, tick) for seed in range(TIMES)
        ]
        found.append(tuple(_taught(engine, prior.pixel_size) for engine in engines))
    return tuple(found)


def _taught(engine: Engine, pixel_size: float) -> KnownViews:
    """Learn the class averages of all images of an engine."""
    learned = teach(engine, torch.arange(engine.images))
    mixture, box = learned.mixture, engine.grid.box
    views = mixture.averages.clone()
    views[:, learned.search.rings :] = 0  # where nothing was learned
    return KnownViews(
        views=views,
        noise=MISFIT * mixture.noise[0],
        box=box,
        pixel_size=pixel_size,
        radius=PART * box / 2 + EDGE,
        offset_sd=float(mixture.offset_sd),
        empty=float(mixture.weights[-1]),
    )


def ring_covariances(prior: SetPrior, grid: PolarGrid) -> torch.Tensor:
    """Give what class averages of a set are expected to be; see `classes.maximisation.Prior`.

    A class average is a clean image like any other, so its covariance is that of the set. Learned
    from all images in all turns, it holds more than any class average alone can tell.
    """
    spectra = torch.fft.rfft(grid.sample(prior.components)).permute(2, 1, 0)
    covariances: torch.Tensor = (spectra @ spectra.mH).real / grid.turns
    return covariances[: grid.turns // 2]


def passes(images: int) -> int:
    """Give how often each of so many images is compared with classes, or with what they leave."""
    return TIMES * ITERATIONS + 1 if images >= 2 * FEWEST else 0


def how_many_classes(images: int, signal: float) -> int:
    """Give the number of classes that so many images with so much signal can tell apart."""
    told_apart = min(images * signal / PER_CLASS, images / FEWEST_OF_CLASS)
    return int(np.clip(round(told_apart), *CLASSES))
