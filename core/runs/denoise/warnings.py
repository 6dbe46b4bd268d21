"""What the user of a denoising run is warned of, each from here alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...counting import counted
from ...covariance.learn import FEWEST
from ...denoise.views import field, working_box
from ...evaluate.report import range_warnings
from ...remarks import warn
from .learning import known_sets
from .options import UNUSABLE

if TYPE_CHECKING:
    from ...denoise.views import Geometry
    from ...images.output_plan import OutputPlan
    from .inputs import Work
    from .options import DenoiseOptions


def tell_scale(work: Work) -> None:
    """Warn of a box and a pixel size that the model was not trained for."""
    kinds = sorted({(job.stack.box_x, job.pixel_size) for job in work.plan.jobs})
    for box, size in kinds:
        small, working = seen_by_network(box, size, work.model.card.working_pixel_size)
        which = f"{box} px, {size:.4g} Å: " if len(kinds) > 1 else ""
        for sentence in range_warnings(work.model.card, working, small):
            warn(f"{which}{sentence}")


def tell_result(options: DenoiseOptions, plan: OutputPlan, record: dict[str, Any]) -> None:
    """Warn of what a run that has all its stacks shows.

    Parameters
    ----------
    options, plan
        Of the run.
    record
        The run's record so far.
    """
    if record["passed_through"]:
        warn(
            f"{counted(record['passed_through'], 'image')} with NaN or a constant background: "
            f"passed through unchanged, and listed in {options.out / UNUSABLE}."
        )
    if not options.each_alone:
        _tell_sets_not_learned(options, plan)


def _tell_sets_not_learned(options: DenoiseOptions, plan: OutputPlan) -> None:
    """Warn of sets whose particles were denoised each by itself, and say why."""
    learned = known_sets(options)
    counts: dict[Geometry, int] = {}
    for job in plan.jobs:
        key = field(job.stack.box_x, job.pixel_size)
        counts[key] = counts.get(key, 0) + len(job.indices)
    for (box, size), count in counts.items():
        if (box, size) in learned:
            continue
        why = (
            f"{counted(count, 'image')}: too few to learn from (at least {FEWEST})"
            if count < FEWEST
            else f"the {count} images show nothing beside noise, or too few of them can be used"
        )
        warn(f"{box} px, {size:.4g} Å: {why}; every particle was denoised by itself.")


def seen_by_network(box: int, pixel_size: float, working_pixel_size: float) -> tuple[int, float]:
    """Give box and pixel size (Å) at which the network sees images."""
    small = working_box(box, pixel_size, working_pixel_size)
    return small, box * pixel_size / small
