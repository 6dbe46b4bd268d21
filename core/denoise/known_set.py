"""What is known of a set, and the estimates that follow from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from ..sets.covariance.set_prior import SetPrior
from ..sets.stacking.combination import Weights, combined, parts
from ..sets.stacking.confidence import Confidence
from ..sets.stacking.evidence import Evidence
from ..sets.stacking.fit import Usual
from ..signal.fourier import fourier_resize
from .estimators.estimator import Estimator, Seen
from .estimators.linear import LinearEstimate
from .estimators.views import PosteriorMean, Told

CLASSES, STRUCTURE = "classes of the set", "structure of the set"


@dataclass(frozen=True)
class KnownSet:
    """What the particles of one geometry have in common.

    Attributes
    ----------
    prior
        Mean and covariance, as all images taught.
    halves
        Those of the linear estimate: for each half of the images, as the other half taught, or one
        for all; empty where images are too few or it has no weight.
    views
        What particles may show, by its name: by classes and by a structure that the set taught (for
        each half of the images, as the other half taught), and by a reference or class averages
        that the user gave.
    rests
        For each half, mean and covariance of what `CLASSES` leave of the images; empty where they
        leave nothing.
    usual
        Which fits to the views of a name are usual; an image that fits worse gets less of them.
    weights
        Of the network's answer and of all `estimators`; None while they are not known.
    evidence
        How well each estimate and the result agree with the truth; None where nothing tells.
    confidence
        How far to trust each result; None where nothing tells.
    """

    prior: SetPrior
    halves: tuple[SetPrior, ...] = ()
    views: Mapping[str, Told] = field(default_factory=dict)
    rests: tuple[SetPrior, ...] = ()
    usual: Mapping[str, Usual] = field(default_factory=dict)
    weights: Weights | None = None
    evidence: Evidence | None = None
    confidence: Confidence | None = None

    def estimators(self) -> list[Estimator]:
        """List the estimates beside the network's."""
        found: list[Estimator] = []
        if self.halves:
            found.append(LinearEstimate(self.halves))
        return found + [
            PosteriorMean(name, views, self.rests if name == CLASSES else ())
            for name, views in self.views.items()
        ]

    def keeping(
        self,
        weights: Weights | None,
        evidence: Evidence | None = None,
        confidence: Confidence | None = None,
    ) -> KnownSet:
        """Give what is known with these weights; estimates without a weight are left out.

        The weights are told with halves, so that no image has taught its own estimate. The result
        takes the mean and covariance that all images taught: twice the images say more, and one
        image among them says next to nothing.
        """
        names = () if weights is None else weights.names
        return KnownSet(
            self.prior,
            (self.prior,) if LinearEstimate(()).name in names else (),
            {name: each for name, each in self.views.items() if name in names},
            self.rests if CLASSES in names else (),
            {name: each for name, each in self.usual.items() if name in names},
            weights,
            evidence,
            confidence,
        )

    def network_alone(self) -> KnownSet:
        """Give the same without what the images taught: the network's image, weighed by rings."""
        weights = self.weights
        if weights is not None:
            weights = Weights(weights.names[:1], weights.strengths, weights.table[:, :1])
        return KnownSet(self.prior, weights=weights)

    def shares(self) -> dict[str, float]:
        """Give each estimate's own mean weight over strengths and the coarser half of rings."""
        if self.weights is None:
            return {}
        table = self.weights.table.clone()
        table[:, 0] -= table[:, 1:].sum(1)  # the others are differences from the first
        means = table[..., : table.shape[-1] // 2].mean(dim=(0, 2)).tolist()
        return {name: round(mean, 3) for name, mean in zip(self.weights.names, means, strict=True)}

    def to(self, device: torch.device | str) -> KnownSet:
        """Give the same on another device."""
        weights = self.weights and self.weights.to(device)
        return KnownSet(
            self.prior.to(device),
            tuple(prior.to(device) for prior in self.halves),
            {
                name: tuple(tuple(one.to(device) for one in each) for each in views)
                for name, views in self.views.items()
            },
            tuple(prior.to(device) for prior in self.rests),
            {name: each.to(device) for name, each in self.usual.items()},
            weights,
            self.evidence,
            self.confidence and self.confidence.to(device),
        )

    def result(self, answer: torch.Tensor, seen: Seen) -> torch.Tensor:
        """Put the network's answer (n, b, b) and the set's estimates together.

        An image without a CTF, where others have one, keeps the network's answer.
        """
        return self.judged(answer, seen, False)[0]

    def judged(
        self, answer: torch.Tensor, seen: Seen, confidence: bool = True
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Give the result and its confidence (n,), NaN where it is not known or not wanted."""
        unknown = answer.new_full((len(answer),), torch.nan)
        if self.weights is None:
            return answer, unknown
        told = self.confidence if confidence else None
        if seen.ctf is not None and not seen.ctf.known.all():
            rows = torch.from_numpy(seen.ctf.known.nonzero()[0]).to(answer.device)
            trust = told.of(answer) if told else unknown
            if not len(rows):
                return answer, trust
            made, known = self.judged(answer[rows], seen.take(rows), confidence)
            return answer.index_copy(0, rows, made), trust.index_copy(0, rows, known)
        found = parts(self.answers(seen, answer))
        made = combined(found, self.weights)
        return made, told.of(made) if told else unknown

    def answers(self, seen: Seen, first: torch.Tensor) -> Sequence[torch.Tensor]:
        """Give the safe estimate `first`, and those of all `estimators`.

        An image that does not fit the views of an estimate keeps the safe one.
        """
        return [first, *(self._answer(each, seen, first) for each in self.estimators())]

    def _answer(self, estimator: Estimator, seen: Seen, first: torch.Tensor) -> torch.Tensor:
        usual = self.usual.get(estimator.name)
        if usual is None or not isinstance(estimator, PosteriorMean):
            return estimator(seen)
        found, fit = estimator.compared(seen, first)
        safe = fourier_resize(first, found.shape[-1])
        return torch.lerp(safe, found, usual.share(fit)[:, None, None])
