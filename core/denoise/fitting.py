"""Which fits to its views are usual in a set: told by some of its images."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import torch

from ..compute.threads import shared
from ..sets.stacking.fit import FEWEST, Fit, Usual, usual
from .estimators.estimator import Seen
from .estimators.network import Network
from .estimators.views import PosteriorMean
from .known_set import KnownSet
from .lesson import PIECE

MOST = 300
"""Images that are looked at."""


def how_many_fits(images: int) -> int:
    """Give how many of so many images are looked at."""
    return min(MOST, images)


@torch.inference_mode()
def usual_fits(
    known: KnownSet,
    network: Network,
    sample: Seen,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> dict[str, Usual]:
    """Tell which fits are usual, by the names of the estimators that know views.

    Parameters
    ----------
    known
        The set.
    network
        Gives the safe estimate.
    sample
        Images of the set on the network's device; all with a CTF, or none.
    pool
        Whose threads share the pieces; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece.
    """
    asked = [each for each in known.estimators() if isinstance(each, PosteriorMean)]
    count = how_many_fits(len(sample.images))
    if not asked or count < FEWEST:
        return {}
    rows = torch.linspace(0, len(sample.images) - 1, count).long()

    def fits(mine: torch.Tensor) -> list[Fit]:
        seen = sample.take(mine)
        first = network(seen)
        return [each.compared(seen, first)[1] for each in asked]

    found, pieces = [], torch.split(rows, PIECE)
    for piece, several in zip(pieces, shared(pool, fits, pieces), strict=True):
        found.append(several)
        tick(len(piece))
    joined = [Fit(*map(torch.cat, zip(*each, strict=True))) for each in zip(*found, strict=True)]
    told = {each.name: usual(fit) for each, fit in zip(asked, joined, strict=True)}
    return {name: each for name, each in told.items() if each is not None}
