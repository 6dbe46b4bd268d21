"""Real particles on which the networks of a comparison are shown, as in Figure 8 of the paper."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...denoise.batches import spread
from ...errors import IceblockError
from ...images.mrc.reader import read_images
from ...images.output_plan import plan_output
from ...images.particles import read_particles
from ...images.validation import validate
from ..contrast import look, tell_contrast
from ..provenance import refuse_denoised

SHOWN = 6


@dataclass(frozen=True)
class Real:
    """Some particles of one box and pixel size, as they are on disk."""

    images: npt.NDArray[np.float32]
    """(k, box, box)."""
    pixel_size: float
    """Å."""
    contrast: int
    """1 for white particles, -1 for black ones."""


def read_real(path: Path) -> Real:
    """Read a few particles, spread over all stacks of the first box and pixel size."""
    particles = read_particles(path)
    headers = validate(particles)
    refuse_denoised(particles, "name raw particles")
    plan = plan_output(particles, headers)
    first = plan.jobs[0]
    kind = (first.stack.box_x, first.pixel_size)
    jobs = [job for job in plan.jobs if (job.stack.box_x, job.pixel_size) == kind]
    parts = [read_images(job.stack, job.indices[places]) for job, places in spread(jobs, SHOWN)]
    images = np.concatenate(parts)
    if not np.isfinite(images).all():
        raise IceblockError(f"{path} holds images that are not finite: remove their rows.")
    sign = first.contrast or tell_contrast(look(jobs)[0])[0][0]
    return Real(images, first.pixel_size, sign)
