"""Denoise whole stacks: reading ahead, computing and writing overlap; stopped runs go on."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..compute.overlap import pinned
from ..errors import IceblockError
from ..images.mrc.reader import read_header, read_images
from ..images.mrc.writer import DenoisedStackWriter, StackWriter
from ..images.output_plan import StackJob
from ..images.star.image_names import image_name
from ..signal.ctf import CtfParameters
from .batches import batch_size, batches
from .confidence_file import ConfidenceWriter, has_confidences
from .inference import Denoiser
from .name_list import NameList
from .pipeline import Batch, in_turn

Images = npt.NDArray[np.float32]
Positions = npt.NDArray[np.int64]

READ_AHEAD = 3
"""Batches in memory before the network."""


class Watcher(Protocol):
    """Is told of every batch; may raise to stop the run, which is then ready to be resumed."""

    def __call__(self, done: int, computed: bool) -> None:
        """Take note that `done` more images are finished, computed now or found whole."""
        ...


@dataclass
class Outcome:
    """What a pass over the stacks did."""

    computed: int = 0
    """Images denoised in this pass."""
    found: int = 0
    """Images found whole from an earlier pass."""


@dataclass(frozen=True)
class Output:
    """Where denoised stacks go, and how they are made."""

    folder: Path
    """Output stacks go here, under `job.output`."""
    unusable_list: Path
    """A text file to which names of images passed through unchanged are added."""
    outlier_list: Path
    """The same of images in which outlying pixels were replaced; see `images.outliers`."""
    dtype: str = "float32"
    """float32 or float16."""
    batch: int | None = None
    """Images a batch; by default what memory suggests."""
    confidence: bool = False
    """Write a file of confidences beside each stack, too; see `confidence_file`."""


def denoise_stacks(
    jobs: Sequence[StackJob],
    denoiser: Denoiser,
    output: Output,
    watch: Watcher,
    ctf: CtfParameters | None = None,
) -> Outcome:
    """Denoise every stack, going on where an earlier pass stopped.

    Parameters
    ----------
    jobs
        From `plan_output`; finished output stacks are left as they are. Those that do not declare
        their contrast are taken for white.
    denoiser
        Model and device.
    output
        Where to, and how.
    watch
        Called after every batch, from the calling thread.
    ctf
        Of all particles, for a denoiser that knows their set.
    """
    outcome = Outcome()
    passed, mended = NameList(output.unusable_list), NameList(output.outlier_list)
    # One thread reads and one writes; the network runs in the caller's.
    with ThreadPoolExecutor(1) as reader, ThreadPoolExecutor(1) as writing:
        for job in jobs:
            size = output.batch or batch_size(job.stack.box_x, denoiser.device.type)
            path = output.folder / job.output
            scores = ConfidenceWriter(path) if output.confidence else None
            if _is_whole(path, job, output.dtype) and (
                scores is None or has_confidences(path, len(job.indices))
            ):
                outcome.found += len(job.indices)
                watch(len(job.indices), False)
                continue
            with _open_output(path, job, output.dtype, size, scores) as writer:
                outcome.found += writer.written
                watch(writer.written, False)
                parts = list(batches(job.indices[writer.written :], size))
                given = _batches(job, parts, _read_ahead(reader, job, parts, denoiser.device), ctf)
                with (
                    contextlib.closing(
                        in_turn(denoiser, given, confidence=output.confidence)
                    ) as answers,
                    _behind(writing, writer, scores) as append,
                ):
                    for indices, answer in zip(parts, answers, strict=True):
                        passed.add([image_name(i, job.name) for i in indices[answer.unusable]])
                        mended.add([image_name(i, job.name) for i in indices[answer.outliers > 0]])
                        append(answer.denoised, answer.confidence if output.confidence else None)
                        outcome.computed += len(indices)
                        watch(len(indices), True)
                if scores is not None:
                    scores.close()  # before the stack: it is never without them
    return outcome


def _batches(
    job: StackJob,
    parts: Sequence[Positions],
    coming: Iterator[torch.Tensor],
    ctf: CtfParameters | None,
) -> Iterator[Batch]:
    """Give the images of parts of a stack, as they come, with what is known of them."""
    for indices, images in zip(parts, coming, strict=True):
        optics = None if ctf is None else ctf.take(job.rows_of(indices))
        yield images, job.pixel_size, job.contrast or 1, optics


def _open_output(
    path: Path, job: StackJob, dtype: npt.DTypeLike, size: int, scores: ConfidenceWriter | None
) -> StackWriter:
    """Open an output stack where an earlier pass left it, as far as its confidences reach."""
    geometry = (path, len(job.indices), job.stack.box_x, job.pixel_size, dtype, size)
    writer = DenoisedStackWriter(*geometry)
    if scores is None or scores.keep(writer.written):
        return writer
    writer.discard()
    return DenoisedStackWriter(*geometry)


def _is_whole(path: Path, job: StackJob, dtype: npt.DTypeLike) -> bool:
    """Whether the output stack is there; it only ever gets its name when it is whole."""
    if not path.is_file():
        return False
    try:
        found = read_header(path)
    except IceblockError:  # damaged since: it is made again
        return False
    return (
        found.n_images == len(job.indices)
        and found.box_x == job.stack.box_x
        and found.dtype == np.dtype(dtype)
    )


def _read_ahead(
    pool: ThreadPoolExecutor, job: StackJob, parts: list[Positions], device: torch.device
) -> Iterator[torch.Tensor]:
    """Read batches in order, some ahead of the one that is being worked on."""

    def read(part: Positions) -> torch.Tensor:
        return pinned(read_images(job.stack, part), device)

    coming = [pool.submit(read, part) for part in parts[:READ_AHEAD]]
    try:
        for number in range(len(parts)):
            images = coming.pop(0).result()
            following = number + READ_AHEAD
            if following < len(parts):
                coming.append(pool.submit(read, parts[following]))
            yield images
    finally:
        for future in coming:
            future.cancel()


@contextlib.contextmanager
def _behind(
    pool: ThreadPoolExecutor, writer: StackWriter, scores: ConfidenceWriter | None
) -> Iterator[Callable[[Images, Images | None], None]]:
    """Append to a stack one batch behind; no write is under way when the block ends."""
    pending: list[Future[None]] = []

    def write(images: Images, trust: Images | None) -> None:
        if scores is not None and trust is not None:
            scores.append(trust)  # first: what the stack has, they have
        writer.append(images)

    def append(images: Images, trust: Images | None) -> None:
        if pending:
            pending.pop().result()
        pending.append(pool.submit(write, images, trust))

    try:
        yield append
    except BaseException:
        wait(pending)
        raise
    if pending:
        pending.pop().result()
