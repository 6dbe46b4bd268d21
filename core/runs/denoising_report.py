"""What a denoising run tells the user: its report, and the last lines on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..denoise.inference import working_box
from ..evaluate.report import range_warnings, write_report
from .denoising import PARTICLES, STACKS, UNUSABLE
from .samples import draw_sample

if TYPE_CHECKING:
    from ..denoise.inference import Denoiser
    from ..images.output_plan import OutputPlan
    from .denoising import DenoiseOptions


def report(
    options: DenoiseOptions,
    plan: OutputPlan,
    denoiser: Denoiser,
    contrast: int,
    record: dict[str, Any],
) -> None:
    """Write the report of a run that has all its stacks.

    Parameters
    ----------
    options, plan, denoiser, contrast
        Of the run.
    record
        The run's record so far.
    """
    card = denoiser.model.card
    sample = draw_sample(plan, options.out / STACKS, contrast)
    box = sample.raw.shape[-1]
    small = working_box(box, sample.pixel_size, card.working_pixel_size)
    seen = box * sample.pixel_size / small
    notes = range_warnings(card, seen, small)
    if contrast == -1:
        notes.append("The particles are black: they were inverted for the network and back.")
    if record["passed_through"]:
        notes.append(
            f"{record['passed_through']} images hold NaN or have a constant background: they were "
            f"passed through unchanged and are listed in {UNUSABLE}."
        )
    if options.keep_noise:
        notes.append(f"{options.keep_noise:g} of each raw image was kept (keep-noise).")
    facts = [
        ("input", str(options.particles)),
        ("particles", f"{record['particles']} in {record['stacks']} stacks"),
        ("box, pixel size", f"{box} px, {sample.pixel_size:.4g} Å"),
        ("the network saw", f"{small} px, {seen:.3g} Å (nothing beyond {2 * seen:.1f} Å is kept)"),
        ("model", f"{card.name}, {denoiser.model.sha256[:12]}"),
        ("device", f"{record['device']['name']}, {record['device']['threads']} threads"),
        ("speed", f"{record['images_per_second']} images/s ({record['computed']} computed, "
                  f"{record['found_whole']} found whole)"),
        ("units", "standard deviations of the raw background; box and pixel size as the input"),
    ]  # fmt: skip
    write_report(options.out / options.report, sample, card, facts, notes)


def farewell(options: DenoiseOptions, record: dict[str, Any]) -> str:
    """Say in a few lines what was done and where it is."""
    lines = [
        f"{record['particles']} particles denoised with {record['model']['name']}: "
        + (
            f"{record['images_per_second']} images/s"
            if record["computed"]
            else "nothing was left to compute"
        ),
        f"  {options.out / PARTICLES}",
        f"  {options.out / options.report}",
    ]
    if record["contrast"] == "black":
        lines.append("  note: the particles are black (told from their mean profile)")
    if record["passed_through"]:
        lines.append(
            f"  note: {record['passed_through']} images could not be denoised and were passed "
            f"through unchanged, see {options.out / UNUSABLE}"
        )
    return "\n".join(lines)
