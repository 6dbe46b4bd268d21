"""How well each estimate of a set, and the result, agree with the truth: told by the set itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import torch

from ..compute.threads import shared
from ..sets.stacking.combination import Weights, combined
from ..sets.stacking.confidence import Confidence, Witness, confidence, witness
from ..sets.stacking.correlation import resolutions, tell
from ..sets.stacking.evidence import Evidence
from ..sets.stacking.gathering import (
    Compared,
    estimated,
    filtered,
    low_pass_gain,
    measured_in,
    sums_of,
    together,
    wiener_gain,
)
from ..sets.stacking.region import particle, whole
from ..signal.fourier import fourier_resize
from .estimators.estimator import Seen

RAW, LOW_PASS, WIENER, RESULT = "raw", "best low-pass", "Wiener filter of the set", "result"
OTHERS = 3000
"""Further images at most that are kept to tell how strong the signal is."""
FOLDS = 4
"""Parts of the images; the result of each is made by weights that the others told."""

Both = tuple["Compared", "Compared"]
"""Within the particle, and in the whole box."""


@dataclass(frozen=True)
class Heard:
    """What is kept of the estimates of some images, on the CPU.

    Attributes
    ----------
    images, probes : (n, box, box)
    found, again : (n, parts, box, box)
        Parts of the result, without and with the probes; half precision, for they are many.
    single
        What each estimate comes to by itself.
    """

    images: torch.Tensor
    probes: torch.Tensor
    found: torch.Tensor
    again: torch.Tensor
    single: Both


class Jury:
    """Compares estimates with a truth that nobody knows.

    Parameters
    ----------
    sample
        Images of a set.
    noise : (rings,)
        The spectrum of their noise.
    others : (m, box, box)
        Further images of the set, which tell how strong its signal is.
    """

    def __init__(
        self, sample: Seen, noise: torch.Tensor, others: torch.Tensor | None = None
    ) -> None:
        images = sample.images.cpu()
        inside, everywhere = particle(images), whole(images.shape[-1])
        self._images, self._pixel_size = images, sample.pixel_size
        every = images if others is None else torch.cat([images, others])
        self._measured = measured_in([inside, everywhere], every, noise)

    def hear(
        self,
        images: torch.Tensor,
        probes: torch.Tensor,
        answers: Sequence[Sequence[torch.Tensor]],
        parts: Sequence[torch.Tensor],
    ) -> Heard:
        """Take estimates of some images.

        Parameters
        ----------
        images, probes : (n, box, box)
        answers
            All estimates of the images; all estimates with the probes.
        parts : (n, parts, box, box)
            Likewise, what `combined` takes.
        """
        box = images.shape[-1]
        found, again = (
            torch.stack([fourier_resize(each, box) for each in some], dim=1) for some in answers
        )
        inside, everywhere = (
            estimated(measured.region, images, probes, found, again) for measured in self._measured
        )
        kept = [each.half().cpu() for each in parts]
        return Heard(images.cpu(), probes.cpu(), kept[0], kept[1], (inside, everywhere))

    def verdict(
        self,
        names: Sequence[str],
        heard: Sequence[Heard],
        fitted: Callable[[torch.Tensor], tuple[list[int], Weights]],
        pool: Executor | None = None,
    ) -> Evidence:
        """Tell how well raw images, filters, estimates and the result agree with the truth.

        Parameters
        ----------
        names
            Of the estimates.
        heard
            Of all images, in their order.
        fitted
            Tells, from some of these images, which parts the result takes, and their weights.
        pool
            Whose threads share the work.
        """
        number = torch.cat([torch.full((len(h.images),), k) for k, h in enumerate(heard)])
        weights = [fitted((number % FOLDS != fold).nonzero()[:, 0]) for fold in range(FOLDS)]

        def result(place: int) -> Both:
            one, (kept, mine) = heard[place], weights[place % FOLDS]
            found, again = (
                combined(each[:, kept].float(), mine)[:, None] for each in (one.found, one.again)
            )
            inside, everywhere = (
                estimated(measured.region, one.images, one.probes, found, again)
                for measured in self._measured
            )
            return inside, everywhere

        results = list(shared(pool, result, range(len(heard))))
        singles, gains = [each.single for each in heard], self._gains()
        sums = []
        for k, measured in enumerate(self._measured):
            alone = [filtered(measured, self._images, gain) for gain in gains]
            single, made = (together([each[k] for each in some]) for some in (singles, results))
            sums.append(sums_of(measured, [*alone, single, made]))
        told = tell([RAW, LOW_PASS, WIENER, *names, RESULT], sums[0], sums[1])
        region, size = self._measured[0].region, self._pixel_size
        at = resolutions(region.rings, size)
        return Evidence(len(number), (region.radius or 0.0) * size, size, at, told)

    def confidence(
        self,
        heard: Sequence[Heard],
        fitted: tuple[list[int], Weights],
        pool: Executor | None = None,
    ) -> Confidence | None:
        """Learn how far to trust each result; None where images show no more than their noise.

        Parameters
        ----------
        heard
            Of all images.
        fitted
            Which parts the result takes, and their weights.
        pool
            Whose threads share the work.
        """
        (kept, weights), inside = fitted, self._measured[0]
        region, energy = inside.region, float((inside.image - inside.noise).sum(1).mean())

        def ask(one: Heard) -> Witness:
            found, again = (
                combined(each[:, kept].float(), weights) for each in (one.found, one.again)
            )
            return witness(one.images, one.probes, (found, again), region)

        return confidence(list(shared(pool, ask, heard)), region.radius or 0.0, energy)

    def _gains(self) -> list[torch.Tensor]:
        inside, everywhere = self._measured
        ones = torch.ones(inside.region.rings)
        return [ones, low_pass_gain(inside), wiener_gain(inside, everywhere.noise.mean(0))]
