"""The stacks of a denoising run, shared over processes that the run starts on this machine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ...compute.distributed import local_rank
from ...compute.processes import launch
from ...compute.threads import limited_threads
from ...console import Bar
from ...denoise.model_file import load_model
from ...denoise.stacks import Outcome
from ...errors import IceblockError
from ...images.output_plan import StackJob
from ...signal.ctf import CtfParameters
from ..folder import helping
from .inputs import Work
from .options import DenoiseOptions
from .share import denoise_share, denoiser_of, device_of, share_stacks

FOUND, COMPUTED = 0, 1


@dataclass(frozen=True)
class Task:
    """What each process is told."""

    options: DenoiseOptions
    model_file: Path
    model_sha256: str
    shares: list[list[StackJob]]
    """Of each process; each job has its contrast."""
    ctf: CtfParameters | None
    counts: torch.Tensor
    """(processes, 2) images that were found whole and that were computed, in shared memory."""
    parent: int
    """The process that started them."""


def denoise_in_processes(
    options: DenoiseOptions, jobs: Sequence[StackJob], work: Work, processes: int, bar: Bar
) -> Outcome:
    """Denoise stacks in several processes and wait for them.

    This process starts them and shows what they do; it uses no device itself.

    Parameters
    ----------
    options, jobs, work
        Of the run; every process reads the model's file.
    processes
        How many.
    bar
        Progress over all of them.
    """
    owned = share_stacks(options, jobs, processes)
    shares = [
        [job for job, owner in zip(jobs, owned, strict=True) if owner == process]
        for process in range(processes)
    ]
    counts = torch.zeros(processes, 2, dtype=torch.int64)
    counts.share_memory_()  # type: ignore[no-untyped-call]
    shown = Outcome()

    def show() -> None:
        found, computed = counts.sum(dim=0).tolist()
        if found > shown.found:
            bar.advance(found - shown.found, computed=False)
        bar.advance(computed - shown.computed)
        shown.found, shown.computed = found, computed

    model = work.model
    task = Task(options, model.path.resolve(), model.sha256, shares, work.ctf, counts, os.getpid())
    launch(_worker, (task,), processes, show)
    show()
    return shown


def _worker(task: Task) -> None:
    """Denoise one share, in a process of its own."""
    options, process, processes = task.options, local_rank(), len(task.shares)

    def require_parent() -> None:
        if os.getppid() != task.parent:
            raise SystemExit("The process that started this one is gone.")

    def watch(done: int, computed: bool) -> None:
        task.counts[process, COMPUTED if computed else FOUND] += done
        require_parent()

    with helping(options.out), limited_threads(options.threads, processes):
        require_parent()
        device = device_of(options, process, processes)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        model = load_model(task.model_file, device)
        if model.sha256 != task.model_sha256:
            raise IceblockError(f"{model.path} changed while the run began; start the run again")
        denoiser = denoiser_of(options, model, device)
        denoise_share(options, task.shares[process], denoiser, process, watch, task.ctf)
