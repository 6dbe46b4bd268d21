"""Learn the class averages of a set by expectation-maximisation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import torch

from .engine import FIRST_RINGS, Engine, Settings, Source, is_local, search_for
from .maximisation import Prior, maximise, reborn
from .poses import Poses

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from .mixture import Mixture
    from .polar import PolarGrid
    from .search import Search

BATCH = 20_000
"""Images of one iteration; a larger set is learned from in random batches."""
DECAY = 0.6
"""Part of what earlier batches have shown that still counts."""
LAST_BIRTH = 0.7
"""Part of the iterations after which empty classes stay empty."""
SHOWN = 0.3
"""Mean power of the averages over that of their noise, on a ring that shows a signal."""


@dataclass(frozen=True)
class Taught:
    """The averages, and how images are compared with them.

    Attributes
    ----------
    mixture
        The averages.
    search
        Turns and offsets to try.
    now : (n, 2)
        Offsets about which images are searched; NaN for those that were not.
    log_likelihoods
        Mean over the images in every iteration, over that of noise alone.
    """

    mixture: Mixture
    search: Search
    now: torch.Tensor
    log_likelihoods: list[float]


@dataclass(frozen=True)
class Learned:
    """What a set has taught.

    Attributes
    ----------
    mixture
        The averages.
    poses
        Of all images.
    halves : (2, classes, rings, turns)
        Averages without a prior of two halves of the images.
    counts : (classes + 1,)
        Images in each class, the last being the empty ones.
    log_likelihoods
        Mean over the images in every iteration, over that of noise alone.
    """

    mixture: Mixture
    poses: Poses
    halves: torch.Tensor
    counts: torch.Tensor
    log_likelihoods: list[float]


def learn(
    source: Source,
    usable: torch.Tensor,
    grid: PolarGrid,
    settings: Settings,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Learned:
    """Learn class averages, and where every image belongs.

    Parameters
    ----------
    source
        The images.
    usable : (m,)
        Rows that are learned from; the others only get their place at the end.
    grid
        Where images are sampled.
    settings
        How.
    pool
        Whose threads share the images; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    """
    engine = Engine(source, grid, settings, pool, tick)
    return _placed(engine, teach(engine, usable), usable)


def teach(engine: Engine, usable: torch.Tensor) -> Taught:
    """Learn class averages alone, from the images `usable`."""
    settings, grid = engine.settings, engine.grid
    generator = torch.Generator().manual_seed(settings.seed)
    prior = Prior(settings.prior_width, settings.offset_range)
    mixture = engine.first(usable, generator)
    now = torch.full((engine.images, 2), torch.nan)
    rings, told, kept = FIRST_RINGS, [], None
    for iteration in range(settings.iterations):
        rows = _batch(usable, generator)
        search = search_for(rings, grid, settings)
        seen, poses = engine.run(mixture, search, rows, now)
        if is_local(search):
            now[rows] = poses.offsets
        steady = len(rows) < len(usable) and iteration > settings.iterations // 3
        kept = seen + kept.scaled(DECAY) if steady and kept is not None else seen
        mixture, ratio = maximise(kept, mixture, prior, grid)
        told.append(float(seen.log_likelihood) / len(rows))
        if iteration < LAST_BIRTH * settings.iterations:
            mixture = reborn(mixture, seen.counts[:-1], generator)
        rings = _rings(ratio, rings, grid.rings)
    return Taught(mixture, search_for(rings, grid, settings), now, told)


def _placed(engine: Engine, taught: Taught, usable: torch.Tensor) -> Learned:
    """Give every image its place, and average both halves of those that were learned from."""
    n = engine.images
    left_out = torch.ones(n, dtype=torch.bool)
    left_out[usable] = False
    parts = [usable[::2], usable[1::2], left_out.nonzero()[:, 0]]
    found = [
        (rows, *engine.run(taught.mixture, taught.search, rows, taught.now))
        for rows in parts
        if len(rows)
    ]
    whole: dict[str, torch.Tensor] = {}
    for rows, _, poses in found:
        for field in fields(Poses):
            values = getattr(poses, field.name)
            empty = torch.zeros((n, *values.shape[1:]), dtype=values.dtype)
            whole.setdefault(field.name, empty)[rows] = values
    halves = [seen.signal / seen.precision.clamp(min=1e-12)[..., None] for _, seen, _ in found[:2]]
    return Learned(
        mixture=taught.mixture,
        poses=Poses(**whole),
        halves=torch.stack(halves),
        counts=torch.stack([seen.counts for _, seen, _ in found]).sum(0),
        log_likelihoods=taught.log_likelihoods,
    )


def _batch(usable: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw the images of one iteration, in rising order."""
    if len(usable) <= BATCH:
        return usable
    return usable[torch.randperm(len(usable), generator=generator)[:BATCH].sort().values]


def _rings(ratio: torch.Tensor, former: int, most: int) -> int:
    """Give the rings of the next iteration: somewhat more than those that show a signal."""
    shown = (ratio.mean(0) > SHOWN).nonzero()
    last = int(shown[-1]) + 1 if len(shown) else 0
    return max(FIRST_RINGS, min(last + 3, former + 2, most))
