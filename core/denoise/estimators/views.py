"""The mean of pictures that a particle may show: its set's own classes, or a reference's views."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...sets.templates.posterior_mean import posterior_mean
from ..views import set_view
from .estimator import by_halves

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

    from ...sets.templates.known_views import KnownViews
    from .estimator import Seen


@dataclass(frozen=True)
class PosteriorMean:
    """The posterior mean over known views.

    Attributes
    ----------
    name
        In reports and records.
    known
        Views for all particles, or for each half of the set those that the other half taught.
    """

    name: str
    known: tuple[KnownViews, ...]

    def __call__(self, seen: Seen) -> torch.Tensor:
        """Give the posterior mean of the clean images."""

        def by(known: KnownViews) -> Callable[[Seen], torch.Tensor]:
            def estimate(mine: Seen) -> torch.Tensor:
                images, sd = set_view(mine.images)
                return posterior_mean(images, mine.ctf, known) * sd

            return estimate

        return by_halves(seen, [by(known) for known in self.known])
