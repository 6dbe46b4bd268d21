"""`iceblock denoise`: denoised stacks, and the same STAR file pointing at them."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..denoise.inference import Denoiser
    from ..denoise.stacks import Outcome
    from ..images.output_plan import OutputPlan
    from ..images.particles import ParticleSet

PARTICLES = "particles.star"
STACKS = "Particles"
UNUSABLE = "passed_through.txt"


@dataclass(frozen=True)
class DenoiseOptions:
    """What to denoise and how; the same for every way in."""

    particles: Path
    out: Path
    model: str = "iceblock-4A"
    """Name of a shipped model or a model file."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    batch_size: int | None = None
    """Images at a time; by default what memory suggests."""
    dtype: str = "float32"
    """float32 or float16."""
    keep_noise: float = 0.0
    """Part of the raw image in the result, 0 to 1."""
    threads: int | None = None
    """CPU threads; by default all."""
    overwrite: bool = False
    """Replace another run's outputs."""
    pixel_size: float | None = None
    """Å; goes before what the STAR file says."""
    contrast: str = "auto"
    """white, black, or auto: told from the images."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    command: str = ""
    """As given, for the record."""


def run(
    options: DenoiseOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Denoise a set of particles; an earlier, stopped run of the same kind is continued.

    Parameters
    ----------
    options
        See `DenoiseOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called after every batch; may raise to stop the run.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the model, the device or the output folder.
    """
    import torch

    from ..denoise.inference import Denoiser, choose_device
    from ..denoise.model_file import load_model
    from ..denoise.shipped import find_model
    from ..images.output_plan import plan_output
    from ..images.particles import read_particles
    from ..images.validation import validate
    from ..runs.folder import claim, locked
    from ..runs.record import write_record

    _check(options)
    if options.threads:
        torch.set_num_threads(options.threads)
    started = time.time()
    device = choose_device(options.device)
    model = load_model(find_model(options.model), device)
    denoiser = Denoiser(model, device, options.keep_noise)
    particles = read_particles(options.particles, options.pixel_size)
    plan = plan_output(particles, validate(particles))
    heartbeat()
    _spare_inputs(options, plan)
    identity = _identity(options, plan, denoiser)
    outputs = (PARTICLES, STACKS, options.report, UNUSABLE)
    with locked(options.out):
        earlier = claim(options.out, identity, outputs, options.overwrite)
        record: dict[str, Any] = {
            **(earlier or {}),
            "state": "running",
            "command": options.command,
            "identity": identity,
        }
        write_record(options.out, record)
        contrast = _contrast(options, plan)
        outcome, seconds = _denoise(options, plan, denoiser, contrast, progress, heartbeat)
        record |= _results(options, plan, denoiser, contrast, outcome, seconds)
        _write_star(options, particles, plan)
        _report(options, plan, denoiser, contrast, record)
        record |= {"state": "finished", "total_seconds": round(time.time() - started, 2)}
        write_record(options.out, record)
    if progress:
        _say_farewell(options, record, progress)


def _check(options: DenoiseOptions) -> None:
    from ..errors import IceblockError

    if options.dtype not in ("float32", "float16"):
        raise IceblockError(f"dtype is {options.dtype!r} and must be float32 or float16.")
    if options.contrast not in ("auto", "white", "black"):
        raise IceblockError(f"contrast is {options.contrast!r} and must be auto, white or black.")
    if options.batch_size is not None and options.batch_size < 1:
        raise IceblockError(f"batch size is {options.batch_size} and must be at least 1.")
    if options.threads is not None and options.threads < 1:
        raise IceblockError(f"threads is {options.threads} and must be at least 1.")


def _spare_inputs(options: DenoiseOptions, plan: OutputPlan) -> None:
    """Refuse an output folder whose files are the input."""
    from ..errors import IceblockError

    stacks = (options.out / STACKS).resolve()
    inputs = {job.stack.path.resolve().parent for job in plan.jobs}
    star = (options.out / PARTICLES).resolve()
    if stacks in inputs or star == options.particles.resolve():
        raise IceblockError(f"{options.out} holds the input itself; choose another output folder")


def _identity(options: DenoiseOptions, plan: OutputPlan, denoiser: Denoiser) -> dict[str, Any]:
    """All that the output's bytes depend on."""
    from .. import __version__
    from ..runs.record import fingerprint, quick_fingerprint

    return {
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


def _contrast(options: DenoiseOptions, plan: OutputPlan) -> int:
    from ..denoise.stacks import detect_contrast

    if options.contrast == "auto":
        return detect_contrast(plan.jobs)
    return 1 if options.contrast == "white" else -1


def _denoise(
    options: DenoiseOptions,
    plan: OutputPlan,
    denoiser: Denoiser,
    contrast: int,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> tuple[Outcome, float]:
    """Run all stacks under a progress bar; returns the outcome and the seconds it took."""
    from tqdm import tqdm

    from ..denoise.stacks import denoise_stacks

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
            options.out / STACKS,
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
    seconds: float,
) -> dict[str, Any]:
    import torch

    from ..runs.record import machine

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
        "contrast": "white" if contrast == 1 else "black",
        "images": sum(len(job.indices) for job in plan.jobs),
        "particles": len(plan.job_of_row),
        "stacks": len(plan.jobs),
        "computed": outcome.computed,
        "found_whole": outcome.found,
        "passed_through": len(names),
        "denoising_seconds": round(seconds, 3),
        "images_per_second": round(outcome.computed / max(seconds, 1e-9), 1),
    }


def _write_star(options: DenoiseOptions, particles: ParticleSet, plan: OutputPlan) -> None:
    folder = particles.relative_name(options.out / STACKS)
    particles.with_images(plan.image_names(folder)).write(options.out / PARTICLES)


def _report(
    options: DenoiseOptions,
    plan: OutputPlan,
    denoiser: Denoiser,
    contrast: int,
    record: dict[str, Any],
) -> None:
    from ..denoise.inference import working_box
    from ..evaluate.report import range_warnings, write_report
    from .samples import draw_sample

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


def _say_farewell(options: DenoiseOptions, record: dict[str, Any], stream: TextIO) -> None:
    lines = [
        f"{record['particles']} particles denoised with {record['model']['name']}: "
        f"{record['images_per_second']} images/s",
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
    print("\n".join(lines), file=stream, flush=True)


@click.command()
@click.argument("particles", type=click.Path(path_type=Path))
@click.option(
    "--out", required=True, type=click.Path(path_type=Path), metavar="DIR", help="Output folder."
)
@click.option(
    "--model", default="iceblock-4A", show_default=True, metavar="NAME|FILE",
    help="A shipped model (see `iceblock models`) or a model file.",
)  # fmt: skip
@click.option(
    "--device", default="auto", show_default=True, metavar="auto|cpu|cuda|cuda:N",
    help="Where to compute; auto takes a GPU if there is one.",
)  # fmt: skip
@click.option(
    "--batch-size", type=int, metavar="N",
    help="Images at a time.  [default: as many as are fast and fit]",
)  # fmt: skip
@click.option(
    "--dtype", default="float32", show_default=True, metavar="float32|float16",
    help="Of the output; RELION reads float16 from 4.0 on.",
)  # fmt: skip
@click.option(
    "--keep-noise", default=0.0, show_default=True, metavar="A",
    help="Part (0 to 1) of the raw image to keep: (1-A) denoised + A raw.",
)  # fmt: skip
@click.option("--threads", type=int, metavar="N", help="CPU threads.  [default: all]")
@click.option(
    "--pixel-size", type=float, metavar="A",
    help="Å per pixel.  [default: from the STAR file, else from the stacks]",
)  # fmt: skip
@click.option(
    "--contrast", default="auto", show_default=True, metavar="auto|white|black",
    help="Of the particles; auto tells it from the images.",
)  # fmt: skip
@click.option("--overwrite", is_flag=True, help="Replace what another run left in DIR.")
@click.option("-q", "--quiet", is_flag=True, help="No progress bar, no remarks.")
def command(quiet: bool, **values: Any) -> None:
    r"""Denoise a particle stack.

    PARTICLES is a RELION STAR file (3.0 to 5.0). DIR gets particles.star (the same rows, pointing
    at the denoised images, with the raw ones in rlnImageOriginalName), Particles/*.mrcs, run.json
    and report.pdf. The same command given again goes on where a stopped run was.

    \b
    Example, in the project folder:
      iceblock denoise Extract/job003/particles.star --out Denoised
    """
    options = DenoiseOptions(**values, command=" ".join(sys.argv))
    run(options, progress=None if quiet else sys.stderr)
