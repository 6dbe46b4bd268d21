"""The micrographs of a run, on one device or shared over processes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import torch

from ...compute.device import choose_device
from ...compute.distributed import local_rank
from ...compute.processes import launch
from ...compute.threads import limited_threads
from ...console import Bar
from ...denoise.fields.tiles import FieldNetwork
from ...denoise.model_file import load_model
from ...errors import IceblockError
from ..folder import helping
from ..labelled import Labelled
from .inputs import Work, segmenter_on
from .one import MicrographDenoiser
from .options import MicrographsOptions


@dataclass(frozen=True)
class Task:
    """What each process is told."""

    options: MicrographsOptions
    model_file: Path
    model_sha256: str
    diameter: float
    shares: list[list[Labelled]]
    done: torch.Tensor
    """(processes,) micrographs that are done, in shared memory."""
    parent: int
    """The process that started them."""


def count_of(options: MicrographsOptions) -> int:
    """Give the number of processes."""
    return options.processes or max(1, len(options.gpus()))


def device_of(options: MicrographsOptions, place: int) -> torch.device:
    """Choose the device of a process by its place among all."""
    numbers = options.gpus()
    if numbers:
        return choose_device(f"cuda:{numbers[place % len(numbers)]}")
    device = choose_device(options.one_device())
    if count_of(options) > 1 and device.type == "cuda" and device.index is None:
        return torch.device("cuda", place % torch.cuda.device_count())
    return device


def denoise_all(options: MicrographsOptions, work: Work, diameter: float, bar: Bar) -> None:
    """Denoise all micrographs that are not whole; their facts are in the run's folder then."""
    count = min(count_of(options), len(work.micrographs))
    if count > 1:
        _in_processes(options, work, diameter, count, bar)
        return
    device = device_of(options, 0)
    network = FieldNetwork(load_model(work.model.path, device), device)
    denoiser = MicrographDenoiser(options, diameter, network, segmenter_on(str(device)))
    for one in work.micrographs:
        there = denoiser.known_in(options.out, one) is not None
        denoiser(one)
        bar.advance(computed=not there)


def _in_processes(
    options: MicrographsOptions, work: Work, diameter: float, count: int, bar: Bar
) -> None:
    shares = [work.micrographs[process::count] for process in range(count)]
    done = torch.zeros(count, dtype=torch.int64)
    done.share_memory_()  # type: ignore[no-untyped-call]
    model = work.model
    task = Task(
        options, model.path.resolve(), model.sha256, diameter, shares, done, os.getpid()
    )  # fmt: skip
    launch(_worker, (task,), count, lambda: bar.reach(int(done.sum())))
    bar.reach(int(done.sum()))


def _worker(task: Task) -> None:
    """Denoise one share, in a process of its own."""
    options, process = task.options, local_rank()
    with helping(options.out), limited_threads(options.threads, len(task.shares)):
        device = device_of(options, process)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        model = load_model(task.model_file, device)
        if model.sha256 != task.model_sha256:
            raise IceblockError(f"{model.path} changed while the run began; start the run again")
        network = FieldNetwork(model, device)
        denoiser = MicrographDenoiser(options, task.diameter, network, segmenter_on(str(device)))
        for one in task.shares[process]:
            if os.getppid() != task.parent:
                raise SystemExit("The process that started this one is gone.")
            denoiser(one)
            task.done[process] += 1
