"""What the user of a denoising run is warned of, each from here alone."""

from __future__ import annotations

from collections.abc import Sequence

from ...console import Console
from ...denoise.views import Geometry, seen_by_network
from ...figures.denoise_report import range_warnings
from ...images.output_plan import OutputPlan
from ...remarks import warn
from ...sets.covariance.learn import FEWEST
from ...wording import counted
from ..empty_boxes import count_boxes, tell_boxes
from .inputs import Work
from .learning import given_by, jobs_of_sets, learned_sets
from .options import UNUSABLE, DenoiseOptions
from .record import DenoiseRecord

NAMED = 3
"""Sets that a sentence names, and lines that a report has of them, however many there are."""


def tell_empty(work: Work, record: DenoiseRecord, computed: int, console: Console) -> None:
    """Warn of empty boxes, unless an earlier pass has looked at the same images."""
    if record.boxes is None or computed:
        groups = work.particles.optics_groups
        record.boxes = count_boxes(work.plan.jobs, work.ctf, groups, console)
    if record.boxes is not None:
        tell_boxes(record.boxes)


def tell_scale(work: Work) -> None:
    """Warn of boxes and pixel sizes that the model was not trained for."""
    sets = list(jobs_of_sets(work.plan.jobs))
    said: dict[str, list[Geometry]] = {}
    for kind in sets:
        small, working = seen_by_network(*kind, work.model.card.working_pixel_size)
        for sentence in range_warnings(work.model.card, working, small):
            said.setdefault(sentence, []).append(kind)
    for sentence, kinds in list(said.items())[:NAMED]:
        warn(f"{named(kinds)}: {sentence}" if len(sets) > 1 else sentence)
    if rest := [kind for kinds in list(said.values())[NAMED:] for kind in kinds]:
        warn(f"{named(sorted(set(rest)))}: out of range of the model in the same way.")


def tell_result(options: DenoiseOptions, plan: OutputPlan, passed_through: int) -> None:
    """Warn of what a run that has all its stacks shows.

    Parameters
    ----------
    options, plan
        Of the run.
    passed_through
        Images that could not be denoised.
    """
    if passed_through:
        warn(
            f"{counted(passed_through, 'image')} with NaN or a constant background: "
            f"passed through unchanged, and listed in {options.out / UNUSABLE}."
        )
    if not options.each_alone:
        _tell_sets_not_learned(options, plan)


def _tell_sets_not_learned(options: DenoiseOptions, plan: OutputPlan) -> None:
    """Warn of sets whose particles were denoised each by itself, and say why."""
    learned = learned_sets(options)
    if learned:
        kept = [name for known in learned.values() for name in known.views]
        given_by(options).tell_unused(kept)
    few: list[Geometry] = []
    nothing: list[Geometry] = []
    counts: dict[Geometry, int] = {}
    for kind, jobs in jobs_of_sets(plan.jobs, learned).items():
        counts[kind] = sum(len(job.indices) for job in jobs)
        if kind not in learned:
            (few if counts[kind] < FEWEST else nothing).append(kind)
    if few:
        total = sum(counts[kind] for kind in few)
        each = "" if len(few) == 1 else " in each of them"
        warn(
            f"{named(few)}: {counted(total, 'image')}: too few to learn from (at least {FEWEST}"
            f"{each}); every particle was denoised by itself."
        )
    if nothing:
        total = sum(counts[kind] for kind in nothing)
        warn(
            f"{named(nothing)}: the {total} images show nothing beside noise, or too few of them "
            "can be used; every particle was denoised by itself."
        )


def named(kinds: Sequence[Geometry]) -> str:
    """Name boxes and pixel sizes, the first few of many, and say how many there are."""
    shown = "; ".join(f"{box} px, {size:.4g} Å" for box, size in kinds[:NAMED])
    more = len(kinds) - NAMED
    return f"{shown} and {more} more (box, pixel size)" if more > 0 else shown
