"""The mean of pictures that a particle may show: its set's own classes, or a reference's views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...sets.covariance.set_prior import SetPrior
from ...sets.templates.known_views import KnownViews
from ...sets.templates.posterior_mean import posterior_mean
from ..views import set_view
from .estimator import Seen, by_halves

Told = tuple[tuple[KnownViews, ...], ...]
"""Views learned apart, for all particles or for each half of the set."""


@dataclass(frozen=True)
class PosteriorMean:
    """The posterior mean over known views, and the best linear estimate of what they leave.

    Attributes
    ----------
    name
        In reports and records.
    known
        Views for all particles, or for each half of the set those that the other half taught. Where
        several sets of views were learned apart, the mean over them is taken.
    rests
        For each of them, the covariance of what its posterior mean leaves of the images; none
        where it is not known.
    """

    name: str
    known: Told
    rests: tuple[SetPrior, ...] = ()

    def __call__(self, seen: Seen) -> torch.Tensor:
        """Give the estimate of the clean images."""

        def by(number: int) -> Callable[[Seen], torch.Tensor]:
            def estimate(mine: Seen) -> torch.Tensor:
                images, sd = set_view(mine.images)
                several = [posterior_mean(images, mine.ctf, each) for each in self.known[number]]
                found = torch.stack(several).mean(0)
                if self.rests:
                    found += self.rests[number].estimate(images - found, mine.ctf)
                return found * sd

            return estimate

        return by_halves(seen, [by(number) for number in range(len(self.known))])
