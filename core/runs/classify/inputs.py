"""What a classification reads before the first image, and what its output depends on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from ...denoise.filtered import tell_filtered
from ...errors import IceblockError
from ...images.output_plan import OutputPlan, plan_output
from ...images.particles import ParticleSet
from ...images.validation import validate
from ...remarks import warn
from ...signal.ctf import CtfParameters
from ...wording import counted
from ..denoise.identity import stack_stamps
from ..particle_inputs import read_given, warn_too_wide
from ..provenance import denoised_rows
from ..stamps import stamp
from ..usable_ctf import usable_ctf
from .images import Field, choose_field
from .options import ClassifyOptions, sensible_classes

THIN = 15
"""Images in a class below which its average is poor."""
ODD = "these particles are classified with the median CTF of the others"


@dataclass(frozen=True)
class Work:
    """What is known before the first image is read."""

    particles: ParticleSet
    plan: OutputPlan
    ctf: CtfParameters | None
    field: Field
    classes: int


def prepare(options: ClassifyOptions) -> Work:
    """Read everything but the images."""
    particles = read_given(options.particles, options)
    plan = plan_output(particles, validate(particles))
    _tell_denoised(particles)
    if options.output.exists() and options.output.samefile(particles.source):
        raise IceblockError(f"{options.out} holds the input itself; choose another output folder")
    images = sum(len(job.indices) for job in plan.jobs)
    classes = options.classes or sensible_classes(images)
    if classes > images:
        raise IceblockError(
            f"{options.particles} has {counted(images, 'image')}, too few for {classes} classes; "
            f"give --classes {sensible_classes(images)}"
        )
    if images < THIN * classes:
        better = max(1, images // (4 * THIN))
        warn(
            f"{counted(images, 'image')} for {counted(classes, 'class', 'classes')}: averages of "
            f"less than {THIN} images show little"
            + (f"; give --classes {better}" if better < classes else "")
        )
    warn_too_wide(options.particle_diameter, plan, "mask")
    field = choose_field(plan, options.particle_diameter)
    tell_filtered(plan.jobs, field.pixel_size)
    ctf = usable_ctf(particles, ODD, flipped=True)
    ctf = None if ctf is None else ctf.filled()
    field = replace(field, flipped=particles.phase_flipped)
    return Work(particles, plan, ctf, field, classes)


def _tell_denoised(particles: ParticleSet) -> None:
    """Warn where images that are denoised are classified, since the rows keep their names."""
    again = int(denoised_rows(particles).sum())
    if again:
        warn(
            f"{again} of the {particles.n} images of {particles.source} were denoised by iceblock, "
            "and the classified particles have the same images: do not refine them. `iceblock "
            "restore` puts raw images back. Averages of raw images show more detail."
        )


def identify(options: ClassifyOptions, work: Work) -> dict[str, Any]:
    """Give all that the output's bytes depend on."""
    return {
        "run": "classify",
        "particles": stamp(options.particles),
        "stacks": stack_stamps(work.plan, work.ctf),
        **options.identity(),
        "classes": work.classes,
    }
