"""Learn the class averages of a set by expectation-maximisation."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .engine import FIRST_RINGS, Engine, search_for
from .maximisation import Prior, maximise, reborn
from .mixture import Mixture
from .poses import Poses
from .search import Search

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
    plain : (classes, rings, turns)
        The averages without a prior; 0 on rings that were not learned.
    search
        Turns and offsets to try.
    now : (n, 2)
        Offsets about which images are searched; NaN for those that were not.
    log_likelihoods
        Mean over the images in every iteration, over that of noise alone.
    """

    mixture: Mixture
    plain: torch.Tensor
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
    log_likelihoods
        Mean over the images in every iteration, over that of noise alone.
    """

    mixture: Mixture
    poses: Poses
    log_likelihoods: list[float]


def learn(engine: Engine, usable: torch.Tensor) -> Learned:
    """Learn class averages, and where every image belongs.

    Parameters
    ----------
    engine
        The images, and how they are learned from.
    usable : (m,)
        Rows that are learned from; the others only get their place at the end.
    """
    taught = teach(engine, usable)
    everyone = torch.arange(engine.images)
    poses = engine.place(taught.mixture, taught.search, everyone, taught.now)
    return Learned(taught.mixture, poses, taught.log_likelihoods)


def teach(engine: Engine, usable: torch.Tensor) -> Taught:
    """Learn class averages alone, from the images `usable`."""
    settings, grid = engine.settings, engine.grid
    generator = torch.Generator().manual_seed(settings.seed)
    prior = Prior(
        settings.prior_width, settings.least_offset_sd, settings.offset_range, settings.covariances
    )
    mixture = engine.first(usable, generator)
    now = torch.full((engine.images, 2), torch.nan)
    rings, told, kept = FIRST_RINGS, [], None
    plain = torch.zeros_like(mixture.averages)
    for iteration in range(settings.iterations):
        rows = _batch(usable, settings.batch, generator)
        search = search_for(rings, grid, settings)
        seen = engine.run(mixture, search, rows, now)
        steady = len(rows) < len(usable) and iteration > settings.iterations // 3
        kept = seen + kept.scaled(DECAY) if steady and kept is not None else seen
        mixture, ratio = maximise(kept, mixture, prior, grid)
        plain = kept.signal / kept.precision.clamp(min=1e-12)[..., None]
        told.append(float(seen.log_likelihood) / len(rows))
        if iteration < LAST_BIRTH * settings.iterations:
            mixture = reborn(mixture, seen.counts[:-1], generator)
        rings = _rings(ratio, rings, grid.rings)
    return Taught(mixture, plain, search_for(rings, grid, settings), now, told)


def _batch(usable: torch.Tensor, most: int, generator: torch.Generator) -> torch.Tensor:
    """Draw the images of one iteration, in rising order."""
    if len(usable) <= most:
        return usable
    return usable[torch.randperm(len(usable), generator=generator)[:most].sort().values]


def _rings(ratio: torch.Tensor, former: int, most: int) -> int:
    """Give the rings of the next iteration: somewhat more than those that show a signal."""
    shown = (ratio.mean(0) > SHOWN).nonzero()
    last = int(shown[-1]) + 1 if len(shown) else 0
    return max(FIRST_RINGS, min(last + 3, former + 2, most))
