"""What a denoising run would do, told before anything is written into its folder."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TextIO

from ...console import Console
from ...denoise.inference import Denoiser
from ...denoise.stacks import Output, denoise_stacks
from ...denoise.views import Geometry
from ...images.output_plan import StackJob
from ...remarks import warn
from ...sets.covariance.learn import FEWEST
from ...wording import counted
from ..life import begun
from ..samples import sampled
from .extent import Extent, format_size
from .inputs import Work, prepare, settle_contrast, spare_inputs
from .learning import jobs_of_sets
from .options import DenoiseOptions
from .warnings import named, tell_scale

WARM, TIMED, TIMED_GPU = 4, 64, 1024
"""Images that are denoised before the clock starts, and by the clock."""


def dry_run(options: DenoiseOptions, *, progress: TextIO | None = None) -> str:
    """Look at the inputs of a run and time some images; gives what it would do, in a few lines.

    Parameters
    ----------
    options
        Of the run.
    progress
        Where remarks go; None for silence.

    Raises
    ------
    IceblockError
        For what the run would refuse.
    """
    with begun(options, Console(progress)):
        work = prepare(options, 0, 1)
        spare_inputs(options, work.plan)
        tell_scale(work)
        settle_contrast(options, work.plan, {})
        extent = Extent.of(work.plan, options.dtype)
        free = shutil.disk_usage(_standing(options.out)).free
        if extent.size > free:
            warn(
                f"The denoised images take {format_size(extent.size)}, and {options.out} has only "
                f"{format_size(free)} free: choose another output folder, or --dtype float16."
            )
        speed = images_per_second(options, work) * max(1, len(options.gpus()))
    counts = (counted(extent.images, "image"), counted(work.plan.sources, "stack"))
    whole = f" (all {work.whole.images}: {work.whole.words(speed)})" if work.partial else ""
    kinds = jobs_of_sets(work.plan.jobs)
    return "\n".join(
        [
            f"{counts[0]} in {counts[1]} would be denoised with {work.model.card.name} on "
            f"{work.device}",
            f"  box and pixel size: {named(list(kinds))}",
            f"  time and disk: {extent.words(speed)}{whole}; {format_size(free)} are free",
            *_learning(options, kinds),
            f"  output: {options.output}; nothing was written",
        ]
    )


def _learning(options: DenoiseOptions, kinds: Mapping[Geometry, Sequence[StackJob]]) -> list[str]:
    """Say what the time leaves out, where a set is learned."""
    largest = max(sum(len(job.indices) for job in jobs) for jobs in kinds.values())
    if options.each_alone or largest < FEWEST:
        return []
    return [
        "  not in this time: iceblock first learns from the set, which takes some minutes. It uses "
        "what it has learned, so the rest takes several times as long"
    ]


def images_per_second(options: DenoiseOptions, work: Work) -> float:
    """Time some images of a run, written to a temporary folder."""
    denoiser = Denoiser(work.model, work.device, options.keep_noise, {})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        output = Output(
            folder, folder / "unusable", folder / "outliers", options.dtype, options.batch_size,
            options.confidence,
        )  # fmt: skip
        for count in (WARM, TIMED_GPU if work.device.type == "cuda" else TIMED):
            jobs = sampled(work.plan.jobs, count).jobs
            began = time.perf_counter()
            done = denoise_stacks(jobs, denoiser, output, lambda *_: None, work.ctf)
            seconds = time.perf_counter() - began
            shutil.rmtree(folder)
            folder.mkdir()
    return done.computed / max(seconds, 1e-9)


def _standing(folder: Path) -> Path:
    """Give a folder, or the nearest one above it that is there."""
    path = folder.absolute()
    return next(place for place in (path, *path.parents) if place.is_dir())
