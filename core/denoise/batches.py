"""How the images of stacks are dealt out in batches."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from ..images.output_plan import StackJob

Positions = npt.NDArray[np.int64]

BATCH_BYTES = 16 << 20
"""A batch of raw images takes at most about this much."""
LARGEST_BATCH = {"cpu": 64, "cuda": 256}


def batch_size(box: int, device: str) -> int:
    """Images in a batch, chosen by memory; the same for every run on a kind of device."""
    largest = LARGEST_BATCH.get(device, LARGEST_BATCH["cpu"])
    return max(1, min(largest, BATCH_BYTES // (4 * box * box)))


def spread(jobs: Sequence[StackJob], count: int) -> Iterator[tuple[StackJob, Positions]]:
    """Choose at most `count` images, evenly over all stacks, in pieces of at most a batch.

    Yields
    ------
    job, positions
        Positions are places in `job.indices`, which are also the images of the output stack.
    """
    total = sum(len(job.indices) for job in jobs)
    wanted = np.unique(np.linspace(0, total - 1, min(count, total)).round().astype(np.int64))
    start = 0
    for job in jobs:
        mine = wanted[(wanted >= start) & (wanted < start + len(job.indices))] - start
        start += len(job.indices)
        for piece in batches(mine, batch_size(job.stack.box_x, "cpu")):
            yield job, piece


def batches(indices: Positions, size: int) -> Iterator[Positions]:
    """Cut the numbers of images into batches."""
    for start in range(0, len(indices), size):
        yield indices[start : start + size]
