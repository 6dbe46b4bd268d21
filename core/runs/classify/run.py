"""A classification: class averages, and the class and pose of every particle, in one folder."""

from __future__ import annotations

import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import torch

from ...errors import IceblockError
from ...images.class_poses import ClassPoses
from ...images.mrc_writer import StackWriter
from ...images.output_plan import plan_output
from ...images.particles import read_particles
from ...images.validation import validate
from ...progress import progress_bar
from ...remarks import collected, warn
from ...sets.classes.learn import Settings, learn
from ...threads import one_thread_each
from ..denoise.identity import stack_stamps
from ..denoise.inputs import settle_contrast, usable_ctf
from ..folder import claim, locked
from ..record import machine, write_record
from ..stamps import stamp
from .images import StackImages, choose_field
from .options import CLASSES, MONTAGE, sensible_classes
from .relion_files import ClassTable, Facts, write_model, write_optimiser
from .report import report
from .result import Classified, enlarged, in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from ...images.output_plan import OutputPlan
    from ...images.particles import ParticleSet
    from ...sets.classes.learn import Learned
    from ...simulate.ctf import CtfParameters
    from .images import Field
    from .options import ClassifyOptions

OUTLYING = 8.0
"""Median absolute deviations of an image's energy beyond which nothing is learned from it."""
OFFSET_RANGE = 0.08
"""Largest offset that is looked for, as a part of the particle's diameter."""
THIN = 15
"""Images in a class below which its average is poor."""


@dataclass(frozen=True)
class Classification:
    """What a finished classification can tell: its record, and what it found."""

    record: dict[str, Any]
    found: Classified


@dataclass(frozen=True)
class Work:
    """What is known before the first image is read."""

    particles: ParticleSet
    plan: OutputPlan
    ctf: CtfParameters | None
    field: Field
    classes: int


def run(
    options: ClassifyOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Classification:
    """Classify a set of particles in 2D; the images themselves are not changed.

    Parameters
    ----------
    options
        See `ClassifyOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called often; may raise to stop the run.

    Raises
    ------
    IceblockError
        For anything wrong with the particles or the output folder.
    """
    started = time.monotonic()
    with collected(progress or sys.stderr) as told:
        options.check()
        if options.threads:
            torch.set_num_threads(options.threads)
        work = _prepare(options)
        outputs = (options.output.name, CLASSES, MONTAGE, options.report, *options.relion_files())
        with locked(options.out):
            identity = _identity(options, work)
            claim(options.out, identity, outputs, options.overwrite)
            record: dict[str, Any] = {
                "state": "running",
                "command": options.command,
                "identity": identity,
                "machine": machine(),
            }
            write_record(options.out, record)
            found, learned = _classify(options, work, progress, heartbeat)
            record |= _results(work, found, learned)
            _write(options, work, found, learned)
            record["warnings"] = list(told)
            record["total_seconds"] = round(time.monotonic() - started, 2)
            report(options, work.field, found, learned, record)
            record["state"] = "finished"
            write_record(options.out, record)
    if progress:
        print(_last_words(options, record), file=progress, flush=True)
    return Classification(record, found)


def _prepare(options: ClassifyOptions) -> Work:
    """Read everything but the images."""
    particles = read_particles(
        options.particles,
        options.pixel_size,
        options.project_dir,
        options.passthrough,
        options.datadir,
    )
    plan = plan_output(particles, validate(particles))
    if options.output.exists() and options.output.samefile(particles.source):
        raise IceblockError(f"{options.out} holds the input itself; choose another output folder")
    images = sum(len(job.indices) for job in plan.jobs)
    classes = options.classes or sensible_classes(images)
    if classes > images:
        raise IceblockError(
            f"{options.particles} has {images} images, too few for {classes} classes; give "
            f"--classes {sensible_classes(images)}"
        )
    if images < THIN * classes:
        warn(
            f"{images} images are few for {classes} classes: averages of less than {THIN} images "
            f"show little; give --classes {max(1, images // (4 * THIN))}"
        )
    narrowest = min(job.stack.box_x * job.pixel_size for job in plan.jobs)
    if options.particle_diameter is not None and options.particle_diameter > 0.95 * narrowest:
        warn(
            f"The particle diameter of {options.particle_diameter:g} Å does not fit into the box "
            f"of {narrowest:.0f} Å: a mask of {0.95 * narrowest:.0f} Å was used"
        )
    field = choose_field(plan, options.particle_diameter)
    return Work(particles, plan, usable_ctf(particles), field, classes)


def _classify(
    options: ClassifyOptions,
    work: Work,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> tuple[Classified, Learned]:
    groups = work.particles.optics_groups
    contrasts = _contrasts(options, work)
    source = StackImages(work.plan, work.field, contrasts, work.ctf, groups)
    count = len(source.rows)
    settings = Settings(
        classes=work.classes,
        offset_range=max(2.0, OFFSET_RANGE * work.field.diameter / work.field.pixel_size),
        iterations=options.iterations,
        seed=options.seed,
    )
    passes = 2 + options.iterations
    with (
        progress_bar(passes * count, "img", "classifying", progress) as bar,
        ThreadPoolExecutor(torch.get_num_threads()) as pool,
        one_thread_each(),
    ):

        def tick(done: int) -> None:
            bar.update(done)
            heartbeat()

        try:
            energies = source.load(pool, tick)
            usable = _usual(energies)
            if usable.sum() < max(2, work.classes):
                raise IceblockError(
                    f"{options.particles}: only {int(usable.sum())} of {count} images can be "
                    "classified, the others hold NaN or have a constant background; extract the "
                    "particles again"
                )
            rows = torch.from_numpy(np.flatnonzero(usable))
            learned = learn(source, rows, work.field.grid(), settings, pool, tick)
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a run that is stopped ends now
            raise
    return in_order(learned, ~np.isnan(energies), work.field), learned


def _usual(energies: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Leave out images that cannot be used, or whose energy is far above that of the others."""
    known = energies[~np.isnan(energies)]
    if not len(known):
        return np.zeros(len(energies), dtype=bool)
    middle = np.median(known)
    spread = 1.4826 * np.median(np.abs(known - middle))
    usual = energies <= middle + OUTLYING * max(spread, 1e-9 * middle)
    far = int(len(known) - usual.sum())
    if far:
        warn(
            f"{far} of {len(energies)} images have far more contrast than the others (ice, carbon "
            "or an edge, most often): they got a class, and no average was made of them"
        )
    if len(known) < len(energies):
        warn(
            f"{len(energies) - len(known)} of {len(energies)} images hold NaN or have a constant "
            "background: they were put into the class of empty images"
        )
    return np.asarray(usual)


def _of_rows(plan: OutputPlan, found: Classified) -> ClassPoses:
    """Give the poses of all particles; those that share an image share its pose."""
    first = np.cumsum([0, *(len(job.indices) for job in plan.jobs)])
    places = first[plan.job_of_row] + plan.position_of_row
    return ClassPoses(*(getattr(found.poses, item.name)[places] for item in fields(ClassPoses)))


def _contrasts(options: ClassifyOptions, work: Work) -> list[int]:
    """Decide for each stack whether its particles are white (1) or black (-1)."""
    plan, contrast, _ = settle_contrast(options, work.plan)
    return [job.contrast or contrast for job in plan.jobs]


def _write(options: ClassifyOptions, work: Work, found: Classified, learned: Learned) -> None:
    """Write the averages, then the particles, then what RELION opens them by."""
    first = work.plan.jobs[0]
    box, pixel_size = first.stack.box_x, first.pixel_size
    averages = enlarged(found.averages, work.field, box, pixel_size)
    if found.counts[-1]:
        averages = np.concatenate([averages, np.zeros_like(averages[:1])])
    stack = options.out / CLASSES
    with StackWriter(stack, len(averages), box, pixel_size, resume=False) as writer:
        writer.append(averages)
    made = work.particles.with_classes(_of_rows(work.plan, found))
    made.write(options.output)
    if options.output.suffix != ".star":
        return
    data, model, optimiser = (options.out / name for name in options.relion_files())
    made.write(data)
    facts = Facts(
        box=box, pixel_size=pixel_size, iterations=options.iterations, seed=options.seed,
        diameter=work.field.diameter,
        offset_sd=learned.mixture.offset_sd * work.field.pixel_size,
        log_likelihood=float(learned.poses.log_likelihood.double().sum()),
        mean_highest=float(learned.poses.highest.double().mean()),
    )  # fmt: skip
    share = found.counts[: len(averages)] / found.counts.sum()
    resolution = np.append(found.resolution, np.inf)[: len(averages)]
    write_model(model, stack, ClassTable(share, resolution), facts)
    write_optimiser(optimiser, data, model, facts)


def _results(work: Work, found: Classified, learned: Learned) -> dict[str, Any]:
    return {
        "particles": work.particles.n,
        "classes": len(found.averages),
        "empty": int(found.counts[-1]),
        "counts": found.counts[:-1].tolist(),
        "resolution": [float(f"{value:.1f}") for value in found.resolution],
        "mask_diameter": round(work.field.diameter, 1),
        "box_seen": work.field.box,
        "pixel_size_seen": round(work.field.pixel_size, 3),
        "ctf": work.ctf is not None,
        "log_likelihoods": [round(value, 3) for value in learned.log_likelihoods],
        "device": {"name": "CPU", "threads": torch.get_num_threads(), "torch": torch.__version__},
    }


def _identity(options: ClassifyOptions, work: Work) -> dict[str, Any]:
    return {
        "run": "classify",
        "particles": stamp(options.particles),
        "stacks": stack_stamps(work.plan, work.ctf),
        "classes": work.classes,
        "particle_diameter": options.particle_diameter,
        "iterations": options.iterations,
        "seed": options.seed,
        "contrast": options.contrast,
        "pixel_size": options.pixel_size,
    }


def _last_words(options: ClassifyOptions, record: dict[str, Any]) -> str:
    empty = f", {record['empty']} of them empty" if record["empty"] else ""
    return "\n".join(
        [
            f"{record['particles']} particles in {record['classes']} classes{empty}: "
            f"{record['total_seconds']} s",
            *(f"  {options.out / name}" for name in (options.output.name, CLASSES, MONTAGE)),
            f"  {options.out / options.report}",
        ]
    )
