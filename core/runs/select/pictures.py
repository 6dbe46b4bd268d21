"""Images of a selection for reports and galleries, white particles in units of the background."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ...denoise.views import normalised
from ...images.mrc.reader import read_images
from ...images.output_plan import OutputPlan

Images = npt.NDArray[np.float32]


def same_kind(plan: OutputPlan) -> npt.NDArray[np.bool_]:
    """Tell which images (m,) have the box and the pixel size of the first one."""
    first = plan.jobs[0]
    kinds = [
        (job.stack.box_x, job.pixel_size) == (first.stack.box_x, first.pixel_size)
        for job in plan.jobs
    ]
    return np.repeat(kinds, [len(job.indices) for job in plan.jobs])


def read_places(plan: OutputPlan, signs: Sequence[int], places: npt.NDArray[np.int64]) -> Images:
    """Read images (k, box, box) of one box by their numbers (k,) in the plan."""
    first = np.cumsum([0, *(len(job.indices) for job in plan.jobs)])
    jobs = np.searchsorted(first, places, side="right") - 1
    box = plan.jobs[int(jobs[0])].stack.box_x
    made = np.zeros((len(places), box, box), np.float32)
    for number in np.unique(jobs).tolist():
        mine = np.flatnonzero(jobs == number)
        job = plan.jobs[number]
        raw = read_images(job.stack, job.indices[places[mine] - first[number]])
        made[mine] = normalised(torch.from_numpy(raw), signs[number])[0].numpy()
    return made
