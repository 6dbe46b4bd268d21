"""How many CPU threads a run uses, and work on them whose result does not depend on the number.

Arithmetic that one operation shares over threads rounds otherwise for each number of threads; so
every thread computes parts of its own, alone.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import (
    FIRST_EXCEPTION,
    CancelledError,
    Executor,
    ThreadPoolExecutor,
    wait,
)
from threading import Event, Lock
from typing import TypeVar

import torch

MOST = 512
"""Threads on a machine: more bring nothing, and very many take all memory."""
T = TypeVar("T")
R = TypeVar("R")


@contextlib.contextmanager
def limited_threads(threads: int | None, processes: int = 1) -> Iterator[None]:
    """Give this process its part of the CPU threads inside the `with` block.

    Parameters
    ----------
    threads
        Of all processes on this machine together; None for as many as torch has now. More than
        `MOST` are `MOST`.
    processes
        Those on this machine.
    """
    former = torch.get_num_threads()
    wanted = max(1, min(threads or former, MOST) // processes)
    if wanted != former:
        torch.set_num_threads(wanted)
    try:
        yield
    finally:
        if torch.get_num_threads() != former:
            torch.set_num_threads(former)


def one_thread_each() -> contextlib.AbstractContextManager[None]:
    """Keep torch from sharing an operation over threads inside the `with` block."""
    return limited_threads(1)


@contextlib.contextmanager
def thread_pool() -> Iterator[ThreadPoolExecutor]:
    """Give a pool of all threads, in which torch shares no operation; a run that stops ends now."""
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        try:
            yield pool
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


@contextlib.contextmanager
def shared_threads(most: int) -> Iterator[int]:
    """Share the threads between large pieces of work and what torch does in each of them.

    Each piece gets two threads or more.

    Parameters
    ----------
    most
        Pieces at the same time.

    Yields
    ------
    workers
        Pieces at the same time, within the number of threads.
    """
    workers = min(most, max(1, torch.get_num_threads() // 2))
    with limited_threads(None, workers):
        yield workers


def shared(pool: Executor | None, work: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """Give what each part comes to, in their order; without a pool, on the calling thread."""
    return pool.map(work, parts) if pool else map(work, parts)


def side_by_side(
    works: Sequence[Callable[[Callable[[int], None]], R]], tick: Callable[[int], None]
) -> list[R]:
    """Do a few long works at the same time; where one fails, the others end at their next tick.

    Parameters
    ----------
    works
        Each gets a `tick` of its own, and calls it with a number after every piece of work. It may
        share its pieces over a pool.
    tick
        Called with the numbers of all works, one at a time. Where it raises, all works end.

    Returns
    -------
    results
        In the order of the works.
    """
    over, alone = Event(), Lock()

    def told(count: int) -> None:
        with alone:
            if over.is_set():
                raise CancelledError
            tick(count)

    with ThreadPoolExecutor(len(works)) as threads:
        try:
            begun = [threads.submit(work, told) for work in works]
            ended, _ = wait(begun, return_when=FIRST_EXCEPTION)
            for each in ended:
                each.result()  # raises what it failed with
            return [each.result() for each in begun]
        except BaseException:
            over.set()
            raise
