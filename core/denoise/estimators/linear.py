"""The best linear estimate of a set: what its mean and covariance say of each image."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...sets.covariance.set_prior import SetPrior
from ..views import set_view
from .estimator import Rows, Seen, by_halves


@dataclass(frozen=True)
class LinearEstimate:
    """The estimate by a mean and covariance of the set.

    Attributes
    ----------
    priors
        One for all particles, or for each half of the set the one that the other half taught.
    """

    priors: tuple[SetPrior, ...]
    name: str = "linear estimate of the set"

    def __call__(self, seen: Seen) -> torch.Tensor:
        """Give the posterior mean of clean images that are Gaussian about 0."""

        def by(prior: SetPrior) -> Callable[[Rows], tuple[torch.Tensor]]:
            def estimate(rows: Rows) -> tuple[torch.Tensor]:
                mine = seen.take(rows)
                view, sd = set_view(mine.images)
                return (prior.estimate(view, mine.ctf) * sd,)

            return estimate

        (found,) = by_halves(seen, [by(prior) for prior in self.priors])
        return found
