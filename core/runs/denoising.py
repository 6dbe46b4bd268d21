"""A denoising run: denoised stacks, and the same metadata pointing at them, in one folder."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TextIO

import torch
from tqdm import tqdm

from .. import __version__
from ..denoise.inference import Denoiser, choose_device
from ..denoise.model_file import load_model
from ..denoise.shipped import find_model
from ..denoise.stacks import belie_contrast, denoise_stacks, detect_contrast
from ..errors import IceblockError
from ..images.output_plan import plan_output
from ..images.particles import read_particles
from ..images.validation import validate
from .denoising_report import farewell, report
from .folder import claim, locked
from .options import UNUSABLE
from .record import fingerprint, machine, quick_fingerprint, write_record

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..denoise.stacks import Outcome
    from ..evaluate.report import Sample
    from ..images.output_plan import OutputPlan
    from ..images.particles import ParticleSet
    from .options import DenoiseOptions


@dataclass(frozen=True)
class Denoised:
    """What a finished run can tell: its record, and some particles before and after."""

    record: dict[str, Any]
    sample: Sample


def run(
    options: DenoiseOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Denoised:
    """Denoise a set of particles; an earlier, stopped run of the same kind is continued.

    Parameters
    ----------
    options
        See `DenoiseOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called after every batch; may raise to stop the run.

    Returns
    -------
    denoised
        The record and a sample for pictures.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model, the device or the output folder.
    """
    options.check()
    if options.threads:
        torch.set_num_threads(options.threads)
    started = time.time()
    device = choose_device(options.device)
    model = load_model(find_model(options.model), device)
    denoiser = Denoiser(model, device, options.keep_noise)
    particles = read_particles(
        options.particles, options.pixel_size, options.project_dir, options.passthrough
    )
    plan = plan_output(particles, validate(particles))
    heartbeat()
    _spare_inputs(options, plan)
    identity = _identity(options, plan, denoiser)
    outputs = (options.output.name, options.stacks, options.report, UNUSABLE)
    with locked(options.out):
        earlier = claim(options.out, identity, outputs, options.overwrite)
        record: dict[str, Any] = {
            **(earlier or {}),
            "state": "running",
            "command": options.command,
            "identity": identity,
        }
        write_record(options.out, record)
        plan, contrast, doubtful = _settle_contrast(options, plan)
        outcome, seconds = _denoise(options, plan, denoiser, contrast, progress, heartbeat)
        record |= _results(options, plan, denoiser, contrast, outcome)
        record["contrast_doubtful"] = doubtful
        if outcome.computed or "images_per_second" not in record:
            record |= _speed(outcome, seconds)
        _write_metadata(options, particles, plan)
        sample = report(options, plan, denoiser, contrast, record)
        record["state"] = "finished"
        if outcome.computed or "total_seconds" not in record:
            record["total_seconds"] = round(time.time() - started, 2)
        write_record(options.out, record)
    if progress:
        print(farewell(options, record), file=progress, flush=True)
    return Denoised(record, sample)


def _spare_inputs(options: DenoiseOptions, plan: OutputPlan) -> None:
    """Refuse an output folder whose files are the input."""
    stacks = (options.out / options.stacks).resolve()
    inputs = {job.stack.path.resolve().parent for job in plan.jobs}
    metadata = options.output.resolve()
    read = {path.resolve() for path in (options.particles, *options.passthrough)}
    if stacks in inputs or metadata in read:
        raise IceblockError(f"{options.out} holds the input itself; choose another output folder")


def _identity(options: DenoiseOptions, plan: OutputPlan, denoiser: Denoiser) -> dict[str, Any]:
    """All that the output's bytes depend on."""
    further = [fingerprint(path) for path in options.passthrough]
    return {
        **({"passthrough_sha256": further} if further else {}),
        "version": __version__,
        "particles": str(options.particles),
        "particles_sha256": fingerprint(options.particles),
        "stacks": quick_fingerprint(sorted({job.stack.path for job in plan.jobs})),
        "model_sha256": denoiser.model.sha256,
        "device_type": denoiser.device.type,
        "bf16": denoiser.bf16,
        "batch_size": options.batch_size,
        "dtype": options.dtype,
        "keep_noise": options.keep_noise,
        "pixel_size": options.pixel_size,
        "contrast": options.contrast,
    }


def _settle_contrast(options: DenoiseOptions, plan: OutputPlan) -> tuple[OutputPlan, int, bool]:
    """Decide on the contrast: as given, else as the metadata declare, else as the images look.

    Returns
    -------
    plan
        Its jobs declare a contrast only where that holds.
    contrast
        1 or -1, for all other jobs.
    doubtful
        Whether the images clearly look the other way round than declared.
    """
    if options.contrast != "auto":
        jobs = tuple(replace(job, contrast=0) for job in plan.jobs)
        return replace(plan, jobs=jobs), 1 if options.contrast == "white" else -1, False
    declared = [job for job in plan.jobs if job.contrast]
    others = [job for job in plan.jobs if not job.contrast]
    doubtful = bool(declared) and belie_contrast(declared)
    return plan, detect_contrast(others) if others else 1, doubtful


def _denoise(
    options: DenoiseOptions,
    plan: OutputPlan,
    denoiser: Denoiser,
    contrast: int,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> tuple[Outcome, float]:
    """Run all stacks under a progress bar; returns the outcome and the seconds it took."""
    total = sum(len(job.indices) for job in plan.jobs)
    begin = time.perf_counter()
    with tqdm(
        total=total, unit="img", desc="denoising", file=progress or sys.stderr,
        disable=progress is None, smoothing=0.05, mininterval=0.5, dynamic_ncols=True,
    ) as bar:  # fmt: skip

        def watch(done: int, computed: bool) -> None:
            bar.update(done)
            if not computed:
                bar.unpause()  # images found whole say nothing about the speed
            heartbeat()

        outcome = denoise_stacks(
            plan.jobs,
            denoiser,
            options.out / options.stacks,
            dtype=options.dtype,
            contrast=contrast,
            batch=options.batch_size,
            unusable_list=options.out / UNUSABLE,
            watch=watch,
        )
    return outcome, time.perf_counter() - begin


def _results(
    options: DenoiseOptions,
    plan: OutputPlan,
    denoiser: Denoiser,
    contrast: int,
    outcome: Outcome,
) -> dict[str, Any]:
    unusable = options.out / UNUSABLE
    names = unusable.read_text().splitlines() if unusable.is_file() else []
    device = denoiser.device
    name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
    return {
        "model": {"name": denoiser.model.card.name, "file": str(denoiser.model.path)},
        "device": {
            "name": name,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        },
        "machine": machine(),
        "seeds": "none: the result depends on the inputs alone",
        "contrast": _contrast_words(plan, contrast),
        "images": sum(len(job.indices) for job in plan.jobs),
        "particles": len(plan.job_of_row),
        "stacks": len(plan.jobs),
        "computed": outcome.computed,
        "found_whole": outcome.found,
        "passed_through": len(names),
    }


def _speed(outcome: Outcome, seconds: float) -> dict[str, Any]:
    """Time the last pass that computed anything."""
    return {
        "denoising_seconds": round(seconds, 3),
        "images_per_second": round(outcome.computed / max(seconds, 1e-9), 1),
    }


def _contrast_words(plan: OutputPlan, contrast: int) -> str:
    signs = {job.contrast or contrast for job in plan.jobs}
    return " and ".join(word for sign, word in ((1, "white"), (-1, "black")) if sign in signs)


def _write_metadata(options: DenoiseOptions, particles: ParticleSet, plan: OutputPlan) -> None:
    folder = particles.relative_name(options.out / options.stacks)
    particles.with_images(plan.image_names(folder)).write(options.output)
