"""The stacks of a denoising run, shared over processes that the run starts on this machine."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import torch

from ...compute.distributed import local_rank
from ...compute.processes import launch
from ...denoise.model_file import load_model
from ...denoise.stacks import Outcome
from ...errors import IceblockError
from ..folder import helping
from ..relay import relayed
from .share import denoise_share, denoiser_of, device_of, share_stacks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from ...denoise.model_file import Model
    from ...images.output_plan import StackJob
    from ...progress import Bar
    from ...signal.ctf import CtfParameters
    from .options import DenoiseOptions

FOUND, COMPUTED = 0, 1


def denoise_in_processes(
    options: DenoiseOptions,
    jobs: Sequence[StackJob],
    model: Model,
    contrast: int,
    ctf: CtfParameters | None,
    processes: int,
    bar: Bar,
    heartbeat: Callable[[], None],
) -> Outcome:
    """Denoise stacks in several processes and wait for them.

    This process starts them and shows what they do; it uses no device itself.

    Parameters
    ----------
    options, jobs, contrast, ctf
        Of the run.
    model
        Every process reads its file.
    processes
        How many.
    bar
        Progress over all of them.
    heartbeat
        Called twice a second; may raise to stop the run.
    """
    owned = share_stacks(options, jobs, processes)
    shares = [
        [job for job, owner in zip(jobs, owned, strict=True) if owner == process]
        for process in range(processes)
    ]
    counts = torch.zeros(processes, 2, dtype=torch.int64)
    counts.share_memory_()  # type: ignore[no-untyped-call]
    shown = [0, 0]

    def show() -> None:
        totals = counts.sum(dim=0).tolist()
        found, computed = (new - old for new, old in zip(totals, shown, strict=True))
        shown[:] = totals
        if found:
            bar.update(found)
            bar.unpause()  # images found whole say nothing about the speed
        if computed:
            bar.update(computed)

    def beat() -> None:
        show()
        heartbeat()

    arguments = (
        options, model.path.resolve(), model.sha256, shares, contrast, ctf, counts, os.getpid()
    )  # fmt: skip
    launch(_worker, arguments, processes, beat)
    show()
    return Outcome(computed=shown[COMPUTED], found=shown[FOUND])


def _worker(
    options: DenoiseOptions,
    model_file: Path,
    model_sha256: str,
    shares: list[list[StackJob]],
    contrast: int,
    ctf: CtfParameters | None,
    counts: torch.Tensor,
    parent: int,
) -> None:
    """Denoise one share, in a process of its own."""
    process, processes = local_rank(), len(shares)

    def require_parent() -> None:
        if os.getppid() != parent:
            raise SystemExit("The process that started this one is gone.")

    def watch(done: int, computed: bool) -> None:
        counts[process, COMPUTED if computed else FOUND] += done
        require_parent()

    with helping(options.out):
        require_parent()
        set_threads(options, processes)
        device = device_of(options, process, processes)
        if device.type == "cuda":
            torch.cuda.set_device(device)
        model = load_model(model_file, device)
        if model.sha256 != model_sha256:
            raise IceblockError(f"{model.path} changed while the run began; start the run again")
        denoiser = denoiser_of(options, model, device)
        with relayed(options.out, process):
            denoise_share(options, shares[process], denoiser, contrast, process, watch, ctf)


def set_threads(options: DenoiseOptions, processes: int) -> None:
    """Give this process its part of the CPU threads.

    Parameters
    ----------
    options
        Of the run.
    processes
        Those on this machine.
    """
    threads = options.threads or (torch.get_num_threads() if processes > 1 else 0)
    if threads:
        torch.set_num_threads(max(1, threads // processes))
