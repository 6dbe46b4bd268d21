"""A training run: a model file with its card, a report and a record, in one folder."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TextIO

import torch

from ...compute.device import choose_device
from ...compute.distributed import in_group, joined, local_rank, local_size
from ...compute.processes import launch
from ...console import Console
from ...denoise.paper.perceptual import load_features
from ...denoise.training.trainer import CHECKPOINT, METRICS
from ...errors import IceblockError
from ...remarks import adopt
from ..folder import claim
from ..life import Run, begun
from ..record import FINISHED, read_record
from .identity import identity
from .options import CURVES, MODEL, SAMPLES, TrainOptions
from .record import TrainRecord
from .report import last_lines
from .training import Training


def run(
    options: TrainOptions,
    *,
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> None:
    """Train a model; an earlier, stopped run of the same kind is continued.

    With several GPUs, or in a group of processes that torchrun describes in the environment, all
    processes train one model together and the first of them writes.

    Parameters
    ----------
    options
        See `TrainOptions`.
    progress
        Where the progress bar and remarks go; None for silence.
    heartbeat
        Called after every step; may raise to stop the run, which is saved then.

    Raises
    ------
    IceblockError
        For anything wrong with the input, the device or the output folder, another run's settings
        in the folder, and training that diverges.
    """
    began = time.monotonic()
    options.check()
    gpus = options.gpus()
    for number in gpus:
        choose_device(f"cuda:{number}")
    if len(gpus) > 1 and not in_group():
        stream = {sys.stdout: "stdout", sys.stderr: "stderr"}.get(progress)
        launch(_worker, (options, stream), len(gpus), heartbeat)
        made = read_record(options.out, TrainRecord)
        adopt(made.warnings if made else ())
        return
    device = _device(options, gpus)
    with joined(device, console=Console(progress, heartbeat)) as ranks:
        console = Console(progress, heartbeat, speaks=ranks.first)
        with begun(options, console, local_size()) as this:
            _run(Training(options, device, ranks, console, began), this)


def _worker(options: TrainOptions, stream: str | None) -> None:
    """Run as one of several processes that `launch` started."""
    run(options, progress=getattr(sys, stream) if stream else None)


def _device(options: TrainOptions, gpus: list[int]) -> torch.device:
    if gpus:
        return torch.device("cuda", gpus[local_rank() % len(gpus)])
    device = choose_device(options.one_device())
    if in_group() and device.type == "cuda" and device.index is None:
        return choose_device(f"cuda:{local_rank()}")
    return device


def _run(training: Training, this: Run) -> None:
    """Have the folder in the first process, and train in all."""
    options, ranks = training.options, training.ranks
    parent, preset = training.parent, training.preset
    if not ranks.first:
        (finished,) = ranks.agree([0.0], training.device)
        if not finished:
            training.train(TrainRecord(), this)
        return
    # A missing or wrong file is told before anything is read or made.
    load_features(preset.loss.perceptual, (0.0, 1.0), options.vgg19)

    def claims() -> TrainRecord | None:
        if options.resume and read_record(options.out, TrainRecord) is None:
            raise IceblockError(
                f"{options.out} holds no training run to be resumed: leave --resume out to begin "
                "one."
            )
        return claim(TrainRecord, options.out, whose, outputs, options.overwrite)

    outputs = (MODEL, options.report, CHECKPOINT, METRICS, CURVES, SAMPLES)
    whose = identity(options, ranks.size, parent, training.device)
    with this.recorded(
        TrainRecord, whose, outputs, claims=claims, whole=(options.out / MODEL).is_file
    ) as record:
        (finished,) = ranks.agree([float(record.state == FINISHED)], training.device)
        if finished:
            training.console.say("Nothing was left to do.")
        else:
            training.train(record, this)
            this.finish(record)
            (options.out / CHECKPOINT).unlink(missing_ok=True)
    training.console.say(last_lines(options, record))
