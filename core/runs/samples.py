"""Particles for the pictures of a report, read back from a run's inputs and outputs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from ..evaluate.gallery import normalise
from ..evaluate.report import Sample
from ..images.mrc import read_header, read_images

if TYPE_CHECKING:
    from pathlib import Path

    from ..images.output_plan import OutputPlan

SAMPLE = 64
"""Particles at most."""


def draw_sample(plan: OutputPlan, stacks: Path, contrast: int) -> Sample:
    """Read particles spread over all stacks of the first box and pixel size.

    Parameters
    ----------
    plan
        Of the run.
    stacks
        Folder of the output stacks.
    contrast
        1 or -1; black particles are shown white.
    """
    first = plan.jobs[0]
    jobs = [
        j
        for j in plan.jobs
        if (j.stack.box_x, j.pixel_size) == (first.stack.box_x, first.pixel_size)
    ]
    total = sum(len(j.indices) for j in jobs)
    # The first eight make the gallery: an odd stride spreads them over the whole set too.
    wanted = np.unique(np.linspace(0, total - 1, min(SAMPLE, total)).round().astype(int))
    raw, denoised = [], []
    start = 0
    for job in jobs:
        mine = wanted[(wanted >= start) & (wanted < start + len(job.indices))] - start
        start += len(job.indices)
        if len(mine):
            raw.append(read_images(job.stack, job.indices[mine]))
            denoised.append(read_images(read_header(stacks / job.output), mine))
    order = np.argsort(np.arange(len(wanted)) % max(1, len(wanted) // 8), kind="stable")
    before, after = np.concatenate(raw)[order], np.concatenate(denoised)[order]
    usable = np.isfinite(before).all(axis=(1, 2)) & (before.std(axis=(1, 2)) > 0)
    if usable.any():
        before, after = before[usable], after[usable]
    return Sample(contrast * normalise(before), contrast * np.nan_to_num(after), first.pixel_size)
