"""The mean of pictures that a particle may show: its set's own classes, or a reference's views."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch

from ...sets.covariance.set_prior import SetPrior
from ...sets.stacking.fit import Fit
from ...sets.templates.known_views import KnownViews
from ...sets.templates.posterior_mean import posterior_mean, shared_evidence
from ...signal.fourier import fourier_resize
from ..views import set_view
from .estimator import Rows, Seen, by_halves

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
        return self._asked(seen)[0]

    def compared(self, seen: Seen, first: torch.Tensor) -> tuple[torch.Tensor, Fit]:
        """Give the estimate, and how well images fit the views.

        Parameters
        ----------
        seen
            The particles.
        first : (n, b, b)
            The safe estimate of them.
        """
        found, evidence, other = self._asked(seen, first)
        return found, Fit(evidence, other)

    def _asked(self, seen: Seen, first: torch.Tensor | None = None) -> tuple[torch.Tensor, ...]:
        """Give the estimate alone, or with the evidence for it and for the safe estimate."""

        def by(number: int) -> Callable[[Rows], tuple[torch.Tensor, ...]]:
            def estimate(rows: Rows) -> tuple[torch.Tensor, ...]:
                mine = seen.take(rows)
                images, sd = set_view(mine.images)
                known = self.known[number]
                several = [posterior_mean(images, mine.ctf, each) for each in known]
                made, evidence = (torch.stack(each).mean(0) for each in zip(*several, strict=True))
                if self.rests:
                    made += self.rests[number].estimate(images - made, mine.ctf)
                if first is None:
                    return (made * sd,)
                safe = first if rows is None else first[rows]
                shown = fourier_resize(safe, images.shape[-1]) / sd
                return made * sd, evidence, shared_evidence(images, shown, known[0])

            return estimate

        return by_halves(seen, [by(number) for number in range(len(self.known))])
