"""Particles for the pictures of a report, read back from a run's inputs and outputs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..denoise.batches import spread
from ..denoise.confidence_file import has_confidences, read_confidences
from ..figures.gallery import normalise
from ..figures.sample import Sample
from ..images.mrc.reader import read_header, read_images
from ..images.output_plan import OutputPlan, StackJob

SAMPLE, SHOWN = 64, 8
"""Particles at most, and at least where boxes are large."""
SAMPLE_BYTES = 32 << 20
"""Large boxes come in smaller samples."""


def sampled(jobs: Sequence[StackJob], count: int) -> OutputPlan:
    """Give a plan of at most `count` images, spread over all stacks."""
    parts: dict[str, list[npt.NDArray[np.int64]]] = {}
    for job, places in spread(jobs, count):
        parts.setdefault(job.output, []).append(places)
    some = []
    for job in jobs:
        if job.output in parts:
            mine = np.concatenate(parts[job.output])
            some.append(replace(job, indices=job.indices[mine], rows=job.rows[mine]))
    sizes = [len(job.indices) for job in some]
    of_row = np.repeat(np.arange(len(some), dtype=np.int32), sizes)
    return OutputPlan(tuple(some), of_row, np.concatenate([np.arange(n) for n in sizes]))


def draw_sample(plan: OutputPlan, stacks: Path) -> Sample:
    """Read particles spread over all stacks of the first box and pixel size.

    Parameters
    ----------
    plan
        Of the run; each of its jobs has a contrast, and black particles are shown white.
    stacks
        Folder of the output stacks.
    """
    first = plan.jobs[0]
    box = first.stack.box_x
    jobs = [j for j in plan.jobs if (j.stack.box_x, j.pixel_size) == (box, first.pixel_size)]
    count = min(SAMPLE, max(SHOWN, SAMPLE_BYTES // (4 * box * box)))
    raw, denoised, rows, confidences = [], [], [], []
    for job, places in spread(jobs, count):
        sign = job.contrast or 1
        stack = stacks / job.output
        raw.append(sign * read_images(job.stack, job.indices[places]))
        denoised.append(sign * read_images(read_header(stack), places))
        rows.append(job.rows_of(job.indices[places]))
        if has_confidences(stack, len(job.indices)):
            confidences.append(read_confidences(stack, len(job.indices))[places])
    before, after = np.concatenate(raw), np.concatenate(denoised)
    numbers = np.concatenate(rows).astype(np.int64) + 1
    trust = np.concatenate(confidences).astype(np.float64) if confidences else np.zeros(0)
    usable = np.isfinite(before).all(axis=(1, 2)) & (before.std(axis=(1, 2)) > 0)
    if not usable.any():
        usable[:] = True
    return Sample(
        normalise(before[usable]), np.nan_to_num(after[usable]), first.pixel_size, numbers[usable],
        trust[usable] if len(trust) == len(before) else None, first.contrast or 1,
    )  # fmt: skip
