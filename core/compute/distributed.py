"""One run in several processes: torch's DistributedDataParallel and elastic launcher.

Where torchrun (also under srun) or srun alone started a group, the process joins it. `launch`
starts such processes on this machine from inside a program.
"""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TextIO

import torch
from torch import distributed as dist
from torch.nn.parallel import DistributedDataParallel

from ..errors import IceblockError
from .launched import launched
from .meeting import meet

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import FrameType

    from torch import nn

TIMEOUT = timedelta(minutes=30)
"""For a rank to wait for another: validation and reports are made by the first rank alone."""
POLL_SECONDS = 0.5
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


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
        told = torch.tensor(values, dtype=torch.float64, device=device)
        dist.broadcast(told, 0)
        return [float(value) for value in told.tolist()]

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


def described() -> bool:
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
    progress: TextIO | None = None,
    heartbeat: Callable[[], None] = lambda: None,
) -> Iterator[Ranks]:
    """Join the group of processes that the environment describes; alone where there is none.

    Parameters
    ----------
    device
        Of this process; on CPUs, messages go through gloo.
    timeout
        For a rank to wait for another, once all are there.
    progress
        Where it says whom it waits for, and which variables are left over; None for silence.
    heartbeat
        Called often until all are there; may raise to stop.

    Raises
    ------
    IceblockError
        If the others do not come; see `meet`.
    """
    group = launched(os.environ)
    if group.note and progress:
        _say_once(group.note, progress)
    if group.size < 2:
        yield ALONE
        return
    store = meet(group, progress, heartbeat)
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


_SAID: set[str] = set()


def _say_once(note: str, progress: TextIO) -> None:
    """Say it once in a process, whose stages may each want to join."""
    if note not in _SAID:
        _SAID.add(note)
        print(f"note: {note}", file=progress, flush=True)


def launch(
    worker: Callable[..., None],
    arguments: tuple[Any, ...],
    processes: int,
    heartbeat: Callable[[], None] = lambda: None,
) -> list[Any]:
    """Run `worker(*arguments)` in several processes on this machine and wait for them.

    Parameters
    ----------
    worker
        A function of a module; finds its place with `joined`.
    arguments
        Of simple types, which go to every process.
    processes
        How many.
    heartbeat
        Called twice a second; when it raises, the processes are stopped and the same is raised
        here.

    Returns
    -------
    results
        What the workers returned, in their order.

    Raises
    ------
    IceblockError
        With the sentence of the first worker that failed.
    """
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
    from torch.distributed.launcher.api import LaunchConfig, elastic_launch

    # Its log repeats tracebacks of workers; what matters is in the error that is raised.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    # nohup ignores a hang-up, and RELION Ctrl-C: both wishes stay respected.
    heard = [number.name for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    # Early versions of torch have no such field.
    told: dict[str, Any] = {"signals_to_handle": ",".join(heard)}
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", run_id="iceblock", max_restarts=0,
        monitor_interval=POLL_SECONDS, start_method="spawn",
        **{name: told[name] for name in told if name in LaunchConfig.__dataclass_fields__},
    )  # fmt: skip
    try:
        with _watched(heartbeat) as stopped:
            try:
                results = elastic_launch(config, _child)(os.getpid(), worker, *arguments)
            except ChildFailedError as error:
                raise _failure(*error.get_first_failure()) from None
            except BaseException:
                if stopped:
                    raise stopped[0] from None
                raise
    except SignalException as error:
        # The workers are stopped and the program's own handlers stand again: the signal is theirs.
        signal.raise_signal(error.sigval)
        heartbeat()
        raise KeyboardInterrupt from None
    return [results[rank] for rank in range(processes)]


def _child(parent: int, worker: Callable[..., Any], *arguments: Any) -> Any:
    """Work in a process that `launch` started, and leave without a word when that one is gone.

    torch has the kernel send SIGINT when the parent dies, whatever this process is just doing; as a
    KeyboardInterrupt it would print tracebacks into the log of a job that is over.
    """
    former = signal.getsignal(signal.SIGINT)

    def leave(number: int, frame: FrameType | None) -> None:
        if os.getppid() != parent:
            os._exit(128 + number)
        if callable(former):
            former(number, frame)

    signal.signal(signal.SIGINT, leave)
    return worker(*arguments)


@contextlib.contextmanager
def _watched(heartbeat: Callable[[], None]) -> Iterator[list[BaseException]]:
    """Call `heartbeat` beside the launcher, which blocks; what it raises is put into the list.

    The launcher stops its workers when this process is sent SIGTERM, so that is what is done, once
    the launcher has put its handler there.
    """
    handlers = {number: signal.getsignal(number) for number in STOPS}
    over = threading.Event()
    raised: list[BaseException] = []

    def watch() -> None:
        while not over.wait(POLL_SECONDS):
            try:
                heartbeat()
            except BaseException as error:
                raised.append(error)
                while signal.getsignal(signal.SIGTERM) is handlers[signal.SIGTERM]:
                    if over.wait(0.05):
                        return
                os.kill(os.getpid(), signal.SIGTERM)
                return

    thread = threading.Thread(target=watch, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield raised
    finally:
        over.set()
        thread.join()
        for number, handler in handlers.items():
            signal.signal(number, handler)


def _failure(rank: int, failure: Any) -> Exception:
    """Make of what a worker left behind the error that it would have been here."""
    if failure.exitcode < 0:
        name = signal.Signals(-failure.exitcode).name
        return IceblockError(
            f"Process {rank} was killed ({name}), most often because memory ran out: give "
            "--batch-size a smaller value or ask for more memory, then give the same command again."
        )
    if not isinstance(failure.message, dict):  # it left no exception
        return IceblockError(
            f"Process {rank} ended with status {failure.exitcode} and said nothing about "
            "it: see the messages above, then give the same command again."
        )
    words = str(failure.message.get("message", "")).strip()
    _, found, sentence = words.partition("IceblockError: ")
    if found:
        return IceblockError(sentence)
    return RuntimeError(str(failure.message.get("extraInfo", {}).get("py_callstack", words)))
