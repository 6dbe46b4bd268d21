"""The scores of all images of a set, told from the images alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...compute.threads import shared, thread_pool
from ...console import Console
from ...denoise.views import normalised
from ...images.mrc.reader import read_images
from ...images.output_plan import OutputPlan
from ...sets.classes.engine import Engine
from ...sets.curate.border import Border, find_border
from ...sets.curate.contamination import contrast, excess
from ...sets.curate.evidence import judge, judging, steps
from ...sets.curate.score import FADES, score
from ...signal.outliers import without_outliers
from ..classify.images import Field, StackImages

Floats = npt.NDArray[np.float64]

PIECE = 64
OFFSET_RANGE = 0.08
"""Largest offset that is looked for, as a part of the particle's diameter."""


@dataclass(frozen=True)
class Scored:
    """What is known of m images.

    Attributes
    ----------
    score, evidence, excess : (m,)
        See `sets.curate`; the score is 0 for images that cannot be used.
    classes : (m,)
        From 1; None where there were too few images to learn classes.
    averages : (classes, box, box)
        Empty where there are none.
    usable : (m,)
        False for images with NaN or a constant background.
    border
        Between two populations of those without contamination; None where there is one.
    """

    score: Floats
    evidence: Floats
    excess: Floats
    classes: npt.NDArray[np.int64] | None
    averages: npt.NDArray[np.float32]
    usable: npt.NDArray[np.bool_]
    border: Border | None

    @property
    def contaminated(self) -> npt.NDArray[np.bool_]:
        """(m,) images with far more contrast than is usual in their set."""
        return np.asarray(self.excess > FADES)

    @property
    def empty(self) -> npt.NDArray[np.bool_]:
        """(m,) images below the border that are neither contaminated nor unusable: empty ones."""
        if self.border is None:
            return np.zeros(len(self.score), dtype=bool)
        return np.asarray((self.score < self.border.score) & ~self.contaminated & self.usable)


def score_images(
    source: StackImages,
    plan: OutputPlan,
    field: Field,
    contrasts: Sequence[int],
    console: Console,
    seed: int = 0,
) -> Scored:
    """Score all images.

    Parameters
    ----------
    source, plan, field, contrasts
        See `StackImages`.
    console
        Shows a bar.
    seed
        Of the two halves and the first class averages.
    """
    count = len(source.rows)
    with (
        console.bar(2 * count + steps(count + count % 2), "img", "scoring") as bar,
        thread_pool() as pool,
    ):
        powers = _contrasts(plan, field, contrasts, bar.advance, pool)
        beyond = excess(powers)
        usable = ~np.isnan(source.load(pool, bar.advance))
        rows = torch.from_numpy(np.flatnonzero(usable & (beyond <= FADES)))
        most = max(2.0, OFFSET_RANGE * field.diameter / field.pixel_size)
        settings = judging(len(rows), most, seed)
        found = judge(Engine(source, field.grid(), settings, pool, bar.advance), rows)
    evidence = np.zeros(count) if found is None else found.evidence
    values = np.where(usable, score(evidence, beyond), 0.0)
    return Scored(
        score=values,
        evidence=evidence,
        excess=beyond,
        classes=None if found is None else found.classes,
        averages=np.zeros((0, field.box, field.box), np.float32) if not found else found.averages,
        usable=usable,
        border=find_border(values[usable & (beyond <= FADES)]),
    )


def _contrasts(
    plan: OutputPlan,
    field: Field,
    signs: Sequence[int],
    tick: Callable[[int], None],
    pool: Executor,
) -> Floats:
    """Give the smooth contrast (m, 2) of all images; NaN for those that cannot be used."""
    pieces = [
        (number, start)
        for number, job in enumerate(plan.jobs)
        for start in range(0, len(job.indices), PIECE)
    ]

    def work(piece: tuple[int, int]) -> Floats:
        number, start = piece
        job = plan.jobs[number]
        raw = torch.from_numpy(read_images(job.stack, job.indices[start : start + PIECE]))
        images, unusable = normalised(raw, signs[number])
        images, _ = without_outliers(images)
        found = contrast(images, job.pixel_size, field.diameter)
        found[unusable.numpy()] = np.nan
        return found

    found = []
    for powers in shared(pool, work, pieces):
        found.append(powers)
        tick(len(powers))
    return np.concatenate(found)
