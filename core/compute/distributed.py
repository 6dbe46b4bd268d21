"""One run in several processes: torch's DistributedDataParallel and elastic launcher.

Where torchrun (also under srun) or srun alone started a group, the process joins it; the module
`processes` starts some on this machine from inside a program.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import torch
from torch import distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ..console import Console
from .launched import launched
from .meeting import meet

TIMEOUT = timedelta(minutes=30)
"""For a rank to wait for another: validation and reports are made by the first rank alone."""


@dataclass(frozen=True)
class Ranks:
    """Place of a process among those that work together."""

    rank: int = 0
    size: int = 1
    local: int = 0
    """Its place among those on this machine."""

    @property
    def first(self) -> bool:
        """Whether this is the process that writes files and talks."""
        return self.rank == 0

    def share(self, network: nn.Module, device: torch.device) -> nn.Module:
        """Wrap a network so that its gradients are the mean over all processes."""
        if self.size == 1:
            return network
        return DistributedDataParallel(network, [device] if device.type == "cuda" else None)

    def mean(self, values: dict[str, float], device: torch.device) -> dict[str, float]:
        """Means over all processes; all of them must ask."""
        if self.size == 1:
            return values
        both = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
        dist.all_reduce(both)
        return dict(zip(values, (both / self.size).tolist(), strict=True))

    def agree(self, values: Sequence[float], device: torch.device) -> list[float]:
        """Numbers of the first process; all of them must ask."""
        if self.size == 1:
            return list(values)
        numbers = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(numbers, 0)
        return [float(value) for value in numbers.tolist()]

    def tell(self, thing: Any) -> Any:
        """Give what the first process has; all of them must ask."""
        if self.size == 1:
            return thing
        box = [thing]
        dist.broadcast_object_list(box, 0)
        return box[0]

    def gather(self, thing: Any) -> list[Any]:
        """Give what each process has, in their order; all of them must ask."""
        if self.size == 1:
            return [thing]
        things = [None] * self.size
        dist.all_gather_object(things, thing)
        return things

    def wait(self) -> None:
        """Wait until all processes have come here."""
        if self.size > 1:
            dist.barrier()


ALONE = Ranks()
_SAID: set[str] = set()
"""What this process has said of its environment."""


def in_group() -> bool:
    """Tell whether the environment describes a group of processes."""
    return launched(os.environ).size > 1


def local_rank() -> int:
    """Place among the processes on this machine; 0 alone."""
    return launched(os.environ).local


def local_size() -> int:
    """Count the processes on this machine, where torchrun tells; 1 elsewhere."""
    return launched(os.environ).local_size


@contextlib.contextmanager
def joined(
    device: torch.device,
    timeout: timedelta = TIMEOUT,
    console: Console | None = None,
) -> Iterator[Ranks]:
    """Join the group of processes that the environment describes; alone where there is none.

    Parameters
    ----------
    device
        Of this process; on CPUs, messages go through gloo.
    timeout
        For a rank to wait for another, once all are there.
    console
        Where it says whom it waits for, and which variables are left over; silent by default.

    Raises
    ------
    IceblockError
        If the others do not come; see `meet`.
    """
    group, console = launched(os.environ), console or Console()
    if group.note and group.note not in _SAID:  # the stages of a run may each want to join
        _SAID.add(group.note)
        console.note(group.note)
    if group.size < 2:
        yield ALONE
        return
    store = meet(group, console)
    if device.type == "cuda":
        torch.cuda.set_device(device)
    dist.init_process_group(
        "nccl" if device.type == "cuda" else "gloo",
        store=store, rank=group.rank, world_size=group.size, timeout=timeout,
    )  # fmt: skip
    try:
        yield Ranks(group.rank, group.size, group.local)
    finally:
        dist.destroy_process_group()
