"""The metadata of denoised particles: the input's, pointing at their stacks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ...denoise.confidence_file import read_confidences
from ...images.output_plan import OutputPlan
from .inputs import Work
from .options import DenoiseOptions


def write_metadata(options: DenoiseOptions, work: Work) -> None:
    """Write the run's particles, with their confidences where those were asked for."""
    plan = work.plan
    folder = work.particles.relative_name(options.out / options.stacks)
    made = work.particles.with_images(plan.image_names(folder), work.again.tolist())
    if options.confidence:
        made = made.with_confidences(_confidences(options, plan))
    made.write(options.output, plan.chosen if work.partial else None)


def _confidences(options: DenoiseOptions, plan: OutputPlan) -> npt.NDArray[np.float32]:
    """Gather the (N,) confidences of all particles from the files beside their stacks."""
    values = np.zeros(len(plan.job_of_row), dtype=np.float32)
    for number, job in enumerate(plan.jobs):
        stack = options.out / options.stacks / job.output
        rows = plan.job_of_row == number
        values[rows] = read_confidences(stack, len(job.indices))[plan.position_of_row[rows]]
    return values
