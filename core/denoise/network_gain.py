"""Which of two networks sees more in a set: told by its own images, without the truth."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor

import torch

from ..compute.threads import shared
from ..sets.stacking.correlation import gain
from ..sets.stacking.evidence import Interval
from ..sets.stacking.gathering import Compared, estimated, measured_in, sums_of, together
from ..sets.stacking.region import particle, whole
from ..sets.stacking.stein import EPSILON
from .estimators.estimator import Estimator, Seen
from .weighing import FEWEST, PIECE, noise_of, probes_of


@torch.inference_mode()
def network_gain(
    new: Estimator,
    old: Estimator,
    sample: Seen,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Interval | None:
    """Tell by how much one network correlates better with the truth than another.

    Stein's identity tells it without the truth; see `stacking.correlation`.

    Parameters
    ----------
    new, old
        Both on the sample's device.
    sample
        Images of the set.
    pool
        Whose threads share the pieces; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece.

    Returns
    -------
    gain
        Of the correlation within the particle, of all images together; None for less than `FEWEST`
        images, or where these do not show more than their noise.
    """
    if len(sample.images) < FEWEST:
        return None
    pieces = [sample.take(rows) for rows in torch.split(torch.arange(len(sample.images)), PIECE)]
    noise = noise_of(sample, pool)
    images = sample.images.cpu()
    inside, _ = measured_in([particle(images), whole(images.shape[-1])], images, noise)

    def work(seen: Seen) -> Compared:
        probes = probes_of(seen, noise)
        again = seen.showing(seen.images + EPSILON * probes)
        found, moved = (torch.stack([old(each), new(each)], dim=1).cpu() for each in (seen, again))
        return estimated(inside.region, seen.images.cpu(), probes.cpu(), found, moved)

    several = []
    for piece, compared in zip(pieces, shared(pool, work, pieces), strict=True):
        several.append(compared)
        tick(len(piece.images))
    return gain(sums_of(inside, [together(several)]), better=1, than=0)
