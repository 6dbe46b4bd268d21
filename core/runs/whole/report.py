"""What a whole run tells the user: one report over all stages, and the last lines on the screen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image

from ...figures.gallery import gallery, spectra, strip
from ...figures.noise_gallery import block_page, picture_page
from ...figures.pages import write_pages
from ...figures.sample import Sample
from ...figures.text_page import text_page
from ...images.particles import format_of
from ...noise.bank import NoiseBank
from ...wording import counted
from ..classify.options import MONTAGE
from ..durations import format_duration
from ..noise.micrograph_cutting import sampled
from ..noise.options import OVERLAYS
from ..train.options import CURVES, SAMPLES
from .choice import compared
from .inputs import WholeInputs
from .options import CLASSES, DENOISED, MODEL, NOISE, TRUST, WholeOptions
from .record import ClassesStage, StageRecords, WholeRecord

PICTURES = 6
"""Micrographs in the report."""


def report(
    options: WholeOptions,
    inputs: WholeInputs,
    record: WholeRecord,
    bank: Path | None,
    sample: Sample,
) -> None:
    """Write the report of a run that has all its stages.

    Parameters
    ----------
    options, inputs
        Of the run.
    record
        The run's record so far.
    bank
        The noise bank, where there is one.
    sample
        Particles to show.
    """
    stages = record.stages
    notes = [stages.trust.verdict, *record.warnings, *record.remarks]
    notes += [*stages.tuning.remarks, format_of(options.particles).way_back]
    facts = _facts(options, inputs, stages)
    first = "iceblock: from micrographs to denoised particles"
    pages = [text_page(first, facts, notes, strip(sample), sample.pixel_size)]
    if bank is not None:
        pages += [*_micrographs(options, inputs), block_page(NoiseBank.read(bank))]
    if stages.tuning.used is not None:
        pictures = [(name, _read(options.out / MODEL / name)) for name in (CURVES, SAMPLES)]
        pages.append(picture_page(pictures, f"Fine-tuning (large in {MODEL}/report.pdf)"))
    title = f"Before and after, model {stages.denoising.model}"
    limit = 2 * max(inputs.model.card.working_pixel_size, sample.pixel_size)
    pages += [
        gallery(sample, title),
        spectra(sample.raw, sample.denoised, sample.pixel_size, limit),
    ]
    if not stages.classes.left_out:
        title = f"2D classes of the raw particles (large in {CLASSES}/report.pdf)"
        pages.append(picture_page([("", _read(options.out / CLASSES / MONTAGE))], title))
    write_pages(options.out / options.report, pages)


def last_lines(options: WholeOptions, record: WholeRecord) -> str:
    """Say in a few lines what was done and where it is."""
    stages = record.stages
    return "\n".join(
        [
            f"\n{counted(stages.denoising.particles, 'particle')} denoised with "
            f"{stages.denoising.model}:",
            f"  {options.out / DENOISED / stages.denoising.output}",
            f"  {options.out / options.report}",
            *([] if stages.classes.left_out else [f"  {options.out / CLASSES / MONTAGE}"]),
            f"  {options.out / TRUST / 'report.pdf'}",
            *(f"  note: {remark}" for remark in record.remarks),
            *([f"  {stages.denoising.evidence}"] if stages.denoising.evidence else []),
            f"  {stages.trust.verdict}",
        ]
    )


def _facts(
    options: WholeOptions,
    inputs: WholeInputs,
    stages: StageRecords,
) -> list[tuple[str, str]]:
    noise, tuning = stages.noise, stages.tuning
    cut = f"none: {noise.left_out}" if noise.left_out else "none could be cut"
    if noise.blocks:
        cut = (
            f"{counted(noise.blocks, 'block')} of {noise.box} px from "
            f"{noise.with_blocks} of {counted(noise.micrographs or 0, 'micrograph')}"
        )
    learned = f"none: {tuning.left_out}"
    if tuning.used is not None:
        learned = f"{counted(tuning.steps, 'step')}, {format_duration(tuning.training_seconds)}"
    seconds = sum(stage.seconds or 0.0 for stage in vars(stages).values())
    facts = [
        ("particles", f"{options.particles}: {inputs.particles.n}"),
        ("micrographs", ", ".join(map(str, options.micrographs)) or "none"),
        ("picks", str(inputs.picks or "none")),
        ("reference", ", ".join(map(str, options.volumes)) or "none"),
        ("particle diameter", f"{inputs.diameter:g} Å ({inputs.diameter_from})"),
        ("noise", cut),
        ("fine-tuning", learned),
    ]
    if tuning.used is not None:
        facts.append(("", compared(tuning)))
    facts += [
        ("denoised with", f"{stages.denoising.model}"),
        *([("evidence", stages.denoising.evidence)] if stages.denoising.evidence else []),
        ("2D classes", _classes(stages.classes)),
        ("time", format_duration(seconds)),
        ("particles to go on with", str(options.out / DENOISED / stages.denoising.output)),
        ("how far to trust them", str(options.out / TRUST / "report.pdf")),
    ]
    return facts


def _classes(stage: ClassesStage) -> str:
    """Say what came of the raw particles' classification."""
    if stage.left_out:
        return f"none: {stage.left_out}"
    empty = f"; {counted(stage.empty, 'image')} empty" if stage.empty else ""
    return f"{counted(stage.classes, 'class', 'classes')}{empty}, in {CLASSES}"


def _micrographs(options: WholeOptions, inputs: WholeInputs) -> list[Figure]:
    """Show what was found in micrographs spread over all."""
    shown = []
    for number in sampled(len(inputs.micrographs), PICTURES):
        one = inputs.micrographs[number]
        path = options.out / NOISE / OVERLAYS / f"{one.output}.png"
        if path.is_file():
            shown.append((one.micrograph.name, _read(path)))
    title = "What was found in the micrographs"
    return [picture_page(shown, title)] if shown else []


def _read(path: Path) -> npt.NDArray[np.uint8]:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB"))
