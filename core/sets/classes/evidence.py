"""Is anything but noise to be seen? Told by images that nothing was learned from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import torch

from .engine import Engine
from .learn import teach

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from .engine import Settings, Source
    from .polar import PolarGrid

MOST = 1500
"""Images that are learned from, and images that are judged, at most."""
PER_CLASS = 40
ITERATIONS = 12
FEWEST = 20


@dataclass(frozen=True)
class Evidence:
    """What class averages of some images say of others.

    Attributes
    ----------
    mean
        Log-likelihood of an image under the averages over that under noise alone. Were the images
        nothing but noise of the assumed power, its expected value could not be above 0, because
        the expected value of the likelihoods' ratio is then 1.
    error
        Its standard error.
    images
        How many were judged.
    """

    mean: float
    error: float
    images: int

    @property
    def something(self) -> bool:
        """Whether something is seen beyond chance: two standard errors."""
        return self.mean > 2 * self.error


def held_out(
    source: Source,
    usable: torch.Tensor,
    grid: PolarGrid,
    settings: Settings,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Evidence | None:
    """Learn from some images and judge others; None where there are too few.

    Parameters
    ----------
    source, usable, grid, settings, pool, tick
        As for `learn`; fewer classes are learned where images are few.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    rows = usable[torch.randperm(len(usable), generator=generator)]
    count = min(MOST, len(rows) // 2)
    if count < FEWEST:
        return None
    classes = max(1, min(settings.classes, count // PER_CLASS))
    fewer = replace(settings, classes=classes, iterations=ITERATIONS)
    taught, judged = rows[:count].sort().values, rows[count : 2 * count].sort().values
    engine = Engine(source, grid, fewer, pool, tick)
    known = teach(engine, taught)
    _, poses = engine.run(known.mixture, known.search, judged, known.now)
    values = poses.log_likelihood.double()
    error = float(values.std()) / len(values) ** 0.5
    return Evidence(float(values.mean()), error, len(values))
