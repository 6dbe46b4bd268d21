"""How much more likely each image is under class averages that it had no part in than under noise.

The images are shared out to two halves. Each half learns class averages, and each image is judged
by those of the other half: an image of noise alone cannot have left its own noise in them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..sets.classes.engine import Engine
from ..sets.classes.learn import teach

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    import numpy.typing as npt

    from ..sets.classes.engine import Settings, Source
    from ..sets.classes.polar import PolarGrid

MOST = 4000
"""Images that each half learns from, at most."""
PER_CLASS, MOST_CLASSES = 20, 20
"""Images of a half for each class, and classes at most."""
ITERATIONS = 14
FEWEST = 20
"""Images below which nothing can be learned."""


@dataclass(frozen=True)
class Judged:
    """What class averages say of n images.

    Attributes
    ----------
    evidence : (n,)
        Natural logarithm of the likelihood under the averages of the other half over that under
        noise alone.
    classes : (n,)
        The class of the first half's averages that fits best, the largest being 0.
    averages : (classes, box, box)
        Of the first half, the largest class first.
    """

    evidence: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64]
    averages: npt.NDArray[np.float32]


def class_count(images: int) -> int:
    """Give the number of classes that a number of images is judged with."""
    return max(1, min(MOST_CLASSES, images // 2 // PER_CLASS))


def passes(images: int) -> float:
    """Give how often `judge` looks at each image, for progress bars."""
    return 2 + 2 * (1 + ITERATIONS) * min(MOST, images // 2) / max(images, 1)


def judge(
    source: Source,
    usable: torch.Tensor,
    grid: PolarGrid,
    settings: Settings,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Judged | None:
    """Judge all images; None where there are too few to learn from.

    Parameters
    ----------
    source, grid, settings, pool, tick
        As for `sets.classes.learn.learn`.
    usable : (m,)
        Rows that may be learned from; the others are judged by the first half.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    mixed = usable[torch.randperm(len(usable), generator=generator)]
    halves = [mixed[::2], mixed[1::2]]
    if len(halves[1]) < FEWEST:
        return None
    engine = Engine(source, grid, settings, pool, tick)
    evidence = torch.zeros(engine.images, dtype=torch.float64)
    classes = torch.zeros(engine.images, dtype=torch.long)
    averages = torch.zeros(0)
    everything = torch.arange(engine.images)
    for number, half in enumerate(halves):
        known = teach(engine, half[:MOST].sort().values)
        rows = everything if number == 0 else halves[0].sort().values
        _, poses = engine.run(known.mixture, known.search, rows, known.now)
        weight = float(known.mixture.weights[-1])
        told = poses.log_likelihood.double().clamp(max=500)
        # The likelihood holds the class of empty images; what is left is that of the averages.
        evidence[rows] = (told.exp() - weight).clamp(min=1e-4).log()
        if number == 0:
            averages = grid.images(known.mixture.averages)
            classes = poses.classes
    return _in_order(evidence, classes, averages)


def _in_order(evidence: torch.Tensor, classes: torch.Tensor, averages: torch.Tensor) -> Judged:
    """Number the classes by their size; images that show noise alone get the number after them."""
    counts = torch.bincount(classes, minlength=len(averages) + 1)[:-1]
    order = torch.argsort(-counts, stable=True)
    rank = torch.cat([torch.argsort(order), torch.tensor([len(averages)])])
    return Judged(
        np.asarray(evidence.numpy()),
        np.asarray(rank[classes].numpy()),
        np.asarray(averages[order].numpy()),
    )
