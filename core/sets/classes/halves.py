"""Two halves of a set, each learned from alone: what can be trusted in the class averages.

Averages made from pure noise look like particles, and two halves of the images that were laid on
one average agree on its noise. So two mixtures are learned that share nothing. Where their averages
agree there is a signal, and each image is judged by the half it does not belong to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .engine import Engine
from .learn import Taught, teach

PER_CLASS = 40
"""Images of a half for which one class is learned, at least."""
FEWEST = 20
"""Images of a half, at least."""
LEAST = 0.01
"""Nats an image that averages of a signal tell, at least."""
ITERATIONS = 12
"""Passes over each half, at most."""


@dataclass(frozen=True)
class Halves:
    """Two mixtures that share no image.

    Attributes
    ----------
    rows
        Images of each half, rising.
    taught
        What each half has taught.
    """

    rows: tuple[torch.Tensor, torch.Tensor]
    taught: tuple[Taught, Taught]


@dataclass(frozen=True)
class Judgement:
    """What the other half says of each image.

    Attributes
    ----------
    log_likelihood : (n,)
        Over that of noise alone; NaN for images of neither half.
    empty : (n,)
        Whether it shows noise alone.
    """

    log_likelihood: torch.Tensor
    empty: torch.Tensor


@dataclass(frozen=True)
class Evidence:
    """What class averages of one half say of the images of the other.

    Attributes
    ----------
    mean
        Log-likelihood of an image under the averages over that under noise alone. Were the images
        nothing but noise of the assumed power, its expected value could not be above 0, because
        the expected value of the likelihoods' ratio is then 1.
    error
        Its standard error.
    images
        How many were judged.
    """

    mean: float
    error: float
    images: int

    @property
    def something(self) -> bool:
        """Whether something is seen beyond chance: two standard errors, and not next to nothing."""
        return self.mean > max(2 * self.error, LEAST)


def learn_halves(engine: Engine, usable: torch.Tensor) -> Halves | None:
    """Learn class averages of two random halves, apart; None where there are too few images.

    Fewer classes are learned where images are few.
    """
    settings = engine.settings
    if len(usable) < 2 * FEWEST:
        return None
    generator = torch.Generator().manual_seed(settings.seed)
    order = usable[torch.randperm(len(usable), generator=generator)]
    middle = len(order) // 2
    one, other = order[:middle].sort().values, order[middle:].sort().values
    fewer = replace(
        settings,
        classes=max(1, min(settings.classes, middle // PER_CLASS)),
        iterations=min(settings.iterations, ITERATIONS),
        batch=settings.batch // 2,
    )
    engine = replace(engine, settings=fewer)
    return Halves((one, other), (teach(engine, one), teach(engine, other)))


def judged_by_the_other(engine: Engine, halves: Halves) -> Judgement:
    """Judge every image by what the other half taught."""
    values = torch.full((engine.images,), torch.nan)
    empty = torch.zeros(engine.images, dtype=torch.bool)
    for rows, taught in zip(halves.rows, reversed(halves.taught), strict=True):
        poses = engine.place(taught.mixture, taught.search, rows, taught.now)
        values[rows] = poses.log_likelihood
        empty[rows] = poses.classes == taught.mixture.classes
    return Judgement(values, empty)


def evidence_of(log_likelihoods: torch.Tensor) -> Evidence:
    """Sum up the log-likelihoods of some images."""
    values = log_likelihoods.double()
    error = float(values.std()) / len(values) ** 0.5 if len(values) > 1 else float("inf")
    return Evidence(float(values.mean()) if len(values) else 0.0, error, len(values))
