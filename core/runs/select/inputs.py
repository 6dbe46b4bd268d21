"""What a selection reads before the first image, and what its output depends on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...denoise.filtered import tell_filtered
from ...images.output_plan import OutputPlan, plan_output
from ...images.particle_set import ParticleSet
from ...images.particles import read_particles
from ...images.validation import validate
from ...signal.ctf import CtfParameters
from ..classify.images import Field, choose_field
from ..denoise.identity import stack_stamps
from ..particle_inputs import read_given, warn_too_wide
from ..provenance import denoised_rows
from ..restoring import check_raw
from ..stamps import stamp
from ..usable_ctf import usable_ctf
from .options import SelectOptions

ODD = "these particles are judged with the median CTF of the others"


@dataclass(frozen=True)
class Work:
    """What is known before the first image is read."""

    particles: ParticleSet
    """With their raw images."""
    plan: OutputPlan
    ctf: CtfParameters | None
    field: Field
    restored: int
    """Particles whose denoised images gave way to the raw ones."""

    @property
    def place_of_row(self) -> npt.NDArray[np.int64]:
        """(N,) number of the image that each particle shows, as `StackImages` counts them."""
        first = np.cumsum([0, *(len(job.indices) for job in self.plan.jobs)])
        return np.asarray(first[self.plan.job_of_row] + self.plan.position_of_row)


def prepare(options: SelectOptions) -> Work:
    """Read everything but the images; denoised images give way to the raw ones."""
    particles = read_given(options.particles, options)
    denoised = int(denoised_rows(particles).sum())
    if denoised or options.raw is not None:
        particles = _raw(options, particles)
    particles.refuse_as_output(options.output)
    particles.refuse_as_output(options.rejected)
    plan = plan_output(particles, validate(particles))
    warn_too_wide(options.particle_diameter, plan, "circle")
    ctf = usable_ctf(particles, ODD)
    field = choose_field(plan, options.particle_diameter)
    tell_filtered(plan.jobs, field.pixel_size)
    return Work(particles, plan, None if ctf is None else ctf.filled(), field, denoised)


def identify(options: SelectOptions, work: Work) -> dict[str, Any]:
    """Give all that the output's bytes depend on."""
    return {
        "run": "select",
        "particles": stamp(options.particles),
        "stacks": stack_stamps(work.plan, work.ctf),
        "raw": None if options.raw is None else stamp(options.raw),
        **options.identity(),
        "marks": None if options.marks is None else stamp(options.marks),
    }


def _raw(options: SelectOptions, denoised: ParticleSet) -> ParticleSet:
    """Give particles their raw images back."""
    if options.raw is None:
        raw = denoised.restored()
    else:
        raw = denoised.restored_from(read_particles(options.raw, project_dir=options.project_dir))
    check_raw(denoised, raw)
    return raw
