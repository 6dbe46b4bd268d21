"""What several runs read of particles before the first image, and settle for all of them."""

from __future__ import annotations

from pathlib import Path

from ..images.output_plan import OutputPlan
from ..images.particles import ParticleSet, read_particles
from ..remarks import warn
from .common_options import Passthrough


def read_given(path: Path, options: Passthrough) -> ParticleSet:
    """Read particles with all that the options say of them."""
    return read_particles(
        path, options.pixel_size, options.project_dir, options.passthrough, options.datadir
    )


def warn_too_wide(diameter: float | None, plan: OutputPlan, shape: str) -> None:
    """Warn of a particle diameter, Å, that the narrowest box does not hold."""
    narrowest = min(job.stack.box_x * job.pixel_size for job in plan.jobs)
    if diameter is not None and diameter > 0.95 * narrowest:
        warn(
            f"The particle diameter of {diameter:g} Å does not fit into the box of "
            f"{narrowest:.0f} Å: a {shape} of {0.95 * narrowest:.0f} Å was used"
        )
