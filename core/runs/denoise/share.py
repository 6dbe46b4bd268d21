"""The part of a denoising run that one process does: some whole stacks, on one device."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...compute.device import choose_device
from ...compute.sharding import owners
from ...denoise.inference import Denoiser
from ...denoise.model_file import Model
from ...denoise.stacks import Outcome, Output, Watcher, denoise_stacks
from ...images.output_plan import StackJob
from ...signal.ctf import CtfParameters
from ..relay import relayed
from .learning import learned_sets
from .options import OUTLIERS, DenoiseOptions
from .passed_through import list_of_process


def device_of(options: DenoiseOptions, place: int, processes: int) -> torch.device:
    """Choose the device of a process.

    Parameters
    ----------
    options
        Of the run.
    place
        Of the process among those on this machine.
    processes
        How many there are; several share the GPUs that can be seen.

    Raises
    ------
    IceblockError
        If a device was asked for by name and is not there.
    """
    devices = [choose_device(f"cuda:{number}") for number in options.gpus()]
    if devices:
        return devices[place % len(devices)]
    device = choose_device(options.one_device())
    if processes > 1 and device.type == "cuda" and device.index is None:
        return torch.device("cuda", place % torch.cuda.device_count())
    return device


def denoiser_of(options: DenoiseOptions, model: Model, device: torch.device) -> Denoiser:
    """Make what a process of the run denoises with."""
    return Denoiser(model, device, options.keep_noise, learned_sets(options), options.compile)


def share_stacks(options: DenoiseOptions, jobs: Sequence[StackJob], processes: int) -> list[int]:
    """Give each stack to a process, by its pixels; those that are there already weigh nothing."""
    folder = options.out / options.stacks
    weights = [
        1 if (folder / job.output).exists() else len(job.indices) * job.stack.box_x**2
        for job in jobs
    ]
    return owners(weights, processes)


def denoise_share(
    options: DenoiseOptions,
    jobs: Sequence[StackJob],
    denoiser: Denoiser,
    process: int | None,
    watch: Watcher,
    ctf: CtfParameters | None,
) -> Outcome:
    """Denoise some of a run's stacks, as one of its processes or alone; see `denoise_stacks`."""
    output = Output(
        options.out / options.stacks,
        list_of_process(options.out, process),
        list_of_process(options.out, process, OUTLIERS),
        options.dtype,
        options.batch_size,
        options.confidence,
    )
    with relayed(options.out, process or 0):
        return denoise_stacks(jobs, denoiser, output, watch, ctf)
