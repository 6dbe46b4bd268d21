"""What a denoising run tells the user: its report, and the last lines on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ...counting import counted
from ...covariance.learn import FEWEST
from ...denoise.views import field, working_box
from ...evaluate.report import WAYS_BACK, range_warnings, write_report
from ...evaluate.set_gallery import set_page, strongest
from ..samples import draw_sample
from .learning import known_sets
from .options import UNUSABLE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ...covariance.set_prior import SetPrior
    from ...denoise.model_file import Model
    from ...denoise.views import Geometry
    from ...evaluate.report import Sample
    from ...images.output_plan import OutputPlan
    from .options import DenoiseOptions

DOUBTFUL = (
    "The images look the other way round than blob/sign says, and blob/sign was believed; if 2D "
    "classes look inverted too, denoise again with --contrast."
)


def report(
    options: DenoiseOptions,
    plan: OutputPlan,
    model: Model,
    contrast: int,
    record: dict[str, Any],
) -> Sample:
    """Write the report of a run that has all its stacks; returns the particles that it shows.

    Parameters
    ----------
    options, plan, model, contrast
        Of the run.
    record
        The run's record so far.
    """
    card = model.card
    sample = draw_sample(plan, options.out / options.stacks, contrast)
    kinds = sorted({(job.stack.box_x, job.pixel_size) for job in plan.jobs})
    seen = {kind: _seen(*kind, card.working_pixel_size) for kind in kinds}
    notes = [
        f"{box} px, {size:.4g} Å: {sentence}"
        for (box, size), (small, working) in seen.items()
        for sentence in range_warnings(card, working, small)
    ]
    if len(kinds) > 1:
        notes.append(
            f"The pictures show the particles of {sample.raw.shape[-1]} px, "
            f"{sample.pixel_size:.4g} Å."
        )
    if record["contrast"] != "white":
        which = "are" if record["contrast"] == "black" else "of some stacks are"
        notes.append(f"The particles {which} black: they were inverted for the network and back.")
    if record["contrast_doubtful"]:
        notes.append(DOUBTFUL)
    if record["passed_through"]:
        notes.append(
            f"{counted(record['passed_through'], 'image')} with NaN or a constant background: "
            f"passed through unchanged, and listed in {UNUSABLE}."
        )
    if options.keep_noise:
        notes.append(
            f"{options.keep_noise:g} of each raw image was kept (keep-noise), at all resolutions."
        )
    priors = known_sets(options)
    notes += _sets_not_learned(options, plan, priors)
    facts = [
        ("input", str(options.particles)),
        ("particles", f"{record['particles']} in {counted(record['stacks'], 'stack')}"),
        *(("box, pixel size", f"{box} px, {size:.4g} Å; the network saw {small} px, {working:.3g} Å"
           f" (it keeps nothing beyond {2 * working:.1f} Å)")
          for (box, size), (small, working) in seen.items()),
        ("model", f"{card.name}, {model.sha256[:12]}"),
        *(("set", _learned(box, size, prior)) for (box, size), prior in priors.items()),
        ("device", f"{record['device']['name']}, {counted(record['device']['threads'], 'thread')}"),
        ("speed", f"{record['images_per_second']} images/s"),
        ("images", f"{record['computed']} computed now, {record['found_whole']} found whole"),
        ("units", "standard deviations of the raw background; box and pixel size as the input"),
    ]  # fmt: skip
    limit = 2 * seen[(sample.raw.shape[-1], sample.pixel_size)][1]
    common = [set_page(max(priors.values(), key=lambda prior: prior.count))] if priors else []
    write_report(
        options.out / options.report, sample, card, facts, notes, limit,
        WAYS_BACK[options.output.suffix], common,
    )  # fmt: skip
    return sample


def _learned(box: int, pixel_size: float, prior: SetPrior) -> str:
    """Say what a set of images has taught, and how much of the result that is."""
    patterns = len(strongest(prior, len(prior.components))[0])
    return (
        f"{box} px, {pixel_size:.4g} Å: {counted(patterns, 'pattern')} learned from "
        f"{counted(prior.count, 'image')} in all their turns; "
        f"share {prior.trust():.2f} of the result"
    )


def _sets_not_learned(
    options: DenoiseOptions, plan: OutputPlan, priors: Mapping[Geometry, SetPrior]
) -> list[str]:
    """Say why particles were denoised each by itself."""
    if options.each_alone:
        return ["Every particle was denoised by itself (each-alone)."]
    counts: dict[Geometry, int] = {}
    for job in plan.jobs:
        key = field(job.stack.box_x, job.pixel_size)
        counts[key] = counts.get(key, 0) + len(job.indices)
    return [
        f"{box} px, {size:.4g} Å: "
        + (
            f"{counted(count, 'image')}: too few to learn from (at least {FEWEST})"
            if count < FEWEST
            else f"the {count} images show nothing beside noise, or too few of them can be used"
        )
        + "; every particle was denoised by itself."
        for (box, size), count in counts.items()
        if (box, size) not in priors
    ]


def _seen(box: int, pixel_size: float, working_pixel_size: float) -> tuple[int, float]:
    """Give box and pixel size (Å) at which the network sees images."""
    small = working_box(box, pixel_size, working_pixel_size)
    return small, box * pixel_size / small


def farewell(options: DenoiseOptions, record: dict[str, Any]) -> str:
    """Say in a few lines what was done and where it is."""
    lines = [
        f"{counted(record['particles'], 'particle')} denoised with {record['model']['name']}: "
        + (
            f"{record['images_per_second']} images/s"
            if record["computed"]
            else "nothing was left to compute"
        ),
        f"  {options.output}",
        f"  {options.out / options.report}",
    ]
    if record["contrast"] != "white":
        declared = "as blob/sign says" if options.output.suffix == ".cs" else ""
        told = declared or "told from their mean profile"
        how = told if options.contrast == "auto" else "as you said"
        lines.append(f"  note: the particles are {record['contrast']} ({how})")
    if record["contrast_doubtful"]:
        lines.append(f"  note: {DOUBTFUL}")
    if record["passed_through"]:
        lines.append(
            f"  note: {counted(record['passed_through'], 'image')} could not be denoised and "
            f"passed through unchanged, see {options.out / UNUSABLE}"
        )
    return "\n".join(lines)
