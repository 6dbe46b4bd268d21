"""What class averages say of each image that they were not made of."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..classes.engine import Engine, Settings
from ..classes.halves import FEWEST, Halves, judged_by_the_other
from ..classes.learn import teach

MOST = 4000
"""Images that each half learns from in an iteration, at most."""
PER_CLASS, MOST_CLASSES = 20, 20
"""Images of a half for each class, and classes at most."""
ITERATIONS = 12


@dataclass(frozen=True)
class Judged:
    """What class averages say of n images.

    Attributes
    ----------
    evidence : (n,)
        Natural logarithm of the likelihood under the averages of the other half of the images over
        that under noise alone; 0 for images that nothing may be learned from.
    classes : (n,)
        Class of the first half's averages that fits best, the largest being 1; one more than there
        are averages stands for noise alone.
    averages : (classes, box, box)
        Of the first half, the largest class first.
    """

    evidence: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    averages: npt.NDArray[np.float32]


def judging(images: int, offset_range: float, seed: int) -> Settings:
    """Give how images are judged; `offset_range` is in pixels."""
    classes = max(1, min(MOST_CLASSES, images // 2 // PER_CLASS))
    return Settings(classes, offset_range, ITERATIONS, seed, batch=MOST)


def steps(images: int) -> int:
    """Give the images that `judge` looks at, counted each time, for progress bars."""
    return 2 * images + ITERATIONS * min(images // 2, MOST) * 2


def judge(engine: Engine, usable: torch.Tensor) -> Judged | None:
    """Judge images by class averages that they had no part in; None where they are too few.

    Parameters
    ----------
    engine
        The images, with settings from `judging`.
    usable : (m,)
        Rows that may be learned from.
    """
    if len(usable) < 2 * FEWEST:
        return None
    halves = _halves(engine, usable)
    found = judged_by_the_other(engine, halves)
    first = halves.taught[0]
    everyone = torch.arange(engine.images)
    classes = engine.place(first.mixture, first.search, everyone, first.now).classes
    averages = engine.grid.images(first.mixture.averages)
    count = len(averages)
    order = torch.argsort(-torch.bincount(classes, minlength=count + 1)[:-1], stable=True)
    rank = torch.cat([torch.argsort(order), torch.tensor([count])])
    return Judged(
        np.asarray(found.log_likelihood.double().nan_to_num(0.0).numpy()),
        np.asarray(rank[classes].numpy()) + 1,
        np.asarray(averages[order].numpy()),
    )


def _halves(engine: Engine, usable: torch.Tensor) -> Halves:
    """Learn from two random halves, apart, with more classes than a classification would take.

    An average of few images is poor, and still tells a particle of the other half from ice.
    """
    generator = torch.Generator().manual_seed(engine.settings.seed)
    order = usable[torch.randperm(len(usable), generator=generator)]
    one, other = order[::2].sort().values, order[1::2].sort().values
    return Halves((one, other), (teach(engine, one), teach(engine, other)))
