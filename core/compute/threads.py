"""Work on several threads whose result does not depend on how many there are.

Arithmetic that one operation shares over threads rounds otherwise for each number of threads; so
every thread computes parts of its own, alone.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, TypeVar

import torch

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

T = TypeVar("T")
R = TypeVar("R")


def shared(pool: Executor | None, work: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """Give what each part comes to, in their order; without a pool, on the calling thread."""
    return pool.map(work, parts) if pool else map(work, parts)


@contextlib.contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep torch from sharing an operation over threads inside the `with` block."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)
