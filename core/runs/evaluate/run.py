"""An evaluation: how far to trust a set of denoised particles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ... import __version__
from ...compute.device import choose_device
from ...console import Console
from ...denoise.inference import Denoiser
from ...denoise.known_set_file import WEIGHTS
from ...denoise.model_file import load_model
from ...denoise.shipped import find_model
from ...errors import IceblockError
from ...evaluate.data_set import (
    Background,
    NoiseMatch,
    background,
    compare_noise,
    compare_statistics,
    estimate_snr,
)
from ...images.disk import write_file
from ...remarks import warn
from ...simulate.training_noise import read_blocks
from ..denoise.record import BoxCounts
from ..empty_boxes import count_boxes, tell_boxes
from ..life import begun, way_in
from ..record import RunRecord
from ..select.inputs import ODD
from ..stamps import stamp, stamps
from ..usable_ctf import usable_ctf
from .checks import all_checks
from .findings import Findings
from .inputs import Evaluated, read_inputs
from .options import PAGE, VERDICTS, EvaluateOptions
from .report import report
from .whole import judged

JUDGED = 64
"""Particles whose confidence is computed where the set has none."""


@dataclass(frozen=True)
class Evaluation:
    """What a finished evaluation can tell: its record, and what evaluate.json holds."""

    record: RunRecord
    verdicts: dict[str, Any]


@way_in
def run(options: EvaluateOptions, console: Console) -> Evaluation:
    """Judge denoised particles, and the model that made them.

    Raises
    ------
    IceblockError
        For anything wrong with the particles, the model, the bank or the output folder.
    """
    with begun(options, console) as this:
        seen = read_inputs(options)
        denoiser = _denoiser(options, seen)
        console.say(f"{len(seen.rows)} of {seen.particles.n} particles are looked at")
        console.heartbeat()
        outputs = (options.report, PAGE, VERDICTS)
        identity = _identity(options, denoiser)
        with this.recorded(RunRecord, identity, outputs, again=True) as record:
            record.seeds = "fixed: the same inputs give the same verdicts"
            findings = _find(options, seen, denoiser, console)
            made = report(options, seen, denoiser, findings, this.warnings)
            write_file(options.out / VERDICTS, made.json)
    for line in (made.verdict, f"  {options.out / options.report}", f"  {options.out / PAGE}"):
        console.say(line)
    return Evaluation(record, made.values)


def _denoiser(options: EvaluateOptions, seen: Evaluated) -> Denoiser | None:
    """Load the given model, or that of the denoising run; None where neither is known."""
    device = choose_device(options.one_device())
    if options.model is not None:
        return Denoiser(load_model(find_model(options.model), device), device)
    for name in (seen.record.model.file, seen.record.model.name):
        try:
            model = load_model(find_model(name), device)
        except IceblockError:
            continue
        if model.sha256 == seen.record.identity.get("model_sha256"):
            return Denoiser(model, device)
    return None


def _identity(options: EvaluateOptions, denoiser: Denoiser | None) -> dict[str, Any]:
    """All that the verdicts depend on."""

    def held(path: Path | None) -> str | None:
        return None if path is None else stamp(path)

    return {
        "version": __version__,
        "denoised": held(options.denoised),
        "raw": held(options.raw),
        "clean": held(options.clean),
        "noise": held(options.noise),
        "volumes": stamps(options.volumes),
        "model_sha256": denoiser.model.sha256 if denoiser else None,
        "set": held(taught if (taught := options.denoised.parent / WEIGHTS).is_file() else None),
        **options.identity(),
    }


def _find(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser | None,
    console: Console,
) -> Findings:
    """Measure all that the report tells."""
    about = background(seen.raw)
    snr = estimate_snr(seen.raw, seen.denoised, about, seen.pixel_size)
    for sentence in seen.remarks:
        warn(sentence)
    bank = _training_noise(options, denoiser)
    match, compared = _match(options, seen, denoiser, about, bank)
    confidences, whole = _confidences(options, seen, denoiser)
    counts = _box_counts(seen, console)
    if counts is not None:
        tell_boxes(counts)
    checks, not_whole = all_checks(options, seen, denoiser, (about, bank), console)
    return Findings(about, snr, match, compared, confidences, whole, checks, not_whole, counts)


def _box_counts(seen: Evaluated, console: Console) -> BoxCounts | None:
    """Count empty boxes, unless the run that denoised these very particles has done so."""
    before, particles = seen.record.boxes, seen.particles
    if before is not None and seen.record.particles == particles.n:
        return before
    ctf = usable_ctf(particles, ODD)
    return count_boxes(seen.raw_jobs, ctf, particles.optics_groups, console)


def _match(
    options: EvaluateOptions,
    seen: Evaluated,
    denoiser: Denoiser | None,
    about: Background,
    bank: Path | None,
) -> tuple[NoiseMatch | None, Path | None]:
    """Compare the background with the given bank, the card's statistics, or the card's bank.

    Returns
    -------
    match
        None where there is nothing to compare with.
    bank
        That was compared with, if it was one.
    """
    card = denoiser.model.card if denoiser else None
    limit = 2 * max(seen.pixel_size, card.working_pixel_size if card else 0.0)
    if options.noise is None and card and card.noise_statistics:
        match = compare_statistics(about, card.noise_statistics, seen.pixel_size, limit)
        if match is not None:
            return match, None
    if bank is None:
        return None, None
    blocks = read_blocks(bank, seen.pixel_size).blocks.numpy()
    return compare_noise(about, blocks, seen.pixel_size, limit), bank


def _training_noise(options: EvaluateOptions, denoiser: Denoiser | None) -> Path | None:
    """Give the bank to compare with: the given one, or the model card's where it is there."""
    if options.noise is not None or denoiser is None:
        return options.noise
    for entry in denoiser.model.card.noise:
        path = Path(entry.partition(":")[0].partition(" (sha256 ")[0])
        if (path / "blocks.star").is_file() or (path.suffix == ".star" and path.is_file()):
            return path
    return None


def _confidences(
    options: EvaluateOptions, seen: Evaluated, denoiser: Denoiser | None
) -> tuple[np.ndarray[tuple[int], np.dtype[np.float64]] | None, bool]:
    """Give the set's own confidences, or those of a sample; None without a model."""
    own = seen.particles.confidences
    if own is not None:
        return own, True
    if denoiser is None:
        return None, False
    places = np.unique(np.linspace(0, len(seen.raw) - 1, JUDGED).round().astype(int))
    return judged(options, seen, denoiser, places).astype(np.float64), False
