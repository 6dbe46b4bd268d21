"""Work on several threads whose result does not depend on how many there are."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Executor

T = TypeVar("T")
R = TypeVar("R")


def shared(pool: Executor | None, work: Callable[[T], R], parts: Iterable[T]) -> Iterator[R]:
    """Give what each part comes to, in their order; without a pool, on the calling thread."""
    return pool.map(work, parts) if pool else map(work, parts)
