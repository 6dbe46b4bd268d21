"""Several processes of one program on this machine, by torch's elastic launcher."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

from torch.distributed.elastic.multiprocessing.api import SignalException
from torch.distributed.elastic.multiprocessing.errors import ChildFailedError
from torch.distributed.launcher.api import LaunchConfig, elastic_launch

from ..errors import IceblockError

POLL_SECONDS = 0.5
STOPS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)


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
    # Its log repeats tracebacks of workers; what matters is in the error that is raised.
    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    config = _configuration(processes)
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


def _configuration(processes: int) -> LaunchConfig:
    # nohup ignores a hang-up, and RELION Ctrl-C: both wishes stay respected.
    heard = [number.name for number in STOPS if signal.getsignal(number) is not signal.SIG_IGN]
    # Early versions of torch have no such field.
    told: dict[str, Any] = {"signals_to_handle": ",".join(heard)}
    return LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=processes, rdzv_backend="c10d",
        rdzv_endpoint="localhost:0", run_id="iceblock", max_restarts=0,
        monitor_interval=POLL_SECONDS, start_method="spawn",
        **{name: told[name] for name in told if name in LaunchConfig.__dataclass_fields__},
    )  # fmt: skip


def _child(parent: int, worker: Callable[..., Any], *arguments: Any) -> Any:
    """Work in a process that `launch` started, and leave without a word when that one is gone.

    torch has the kernel send SIGINT when the parent dies, whatever this process is just doing; as a
    KeyboardInterrupt it would print tracebacks into the log of a job that is over.
    """
    former = signal.getsignal(signal.SIGINT)

    def leave(number: int, frame: FrameType | None) -> None:
        # The parent's threads die one by one, and it is the parent until the last of them is gone.
        for _ in range(20):
            if os.getppid() != parent:
                os._exit(128 + number)
            time.sleep(0.01)
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
