"""The time that a set's classes and structure may take to be learned."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from ..remarks import warn

T = TypeVar("T")


class _TimeUp(Exception):
    """There is no time left to learn."""


class Clock:
    """Gives work up when the time for learning is over, and remembers what is missing.

    Parameters
    ----------
    tick
        Told the number of images after every piece of work.
    until
        On `time.monotonic`.
    """

    def __init__(self, tick: Callable[[int], None], until: float) -> None:
        self._tick, self._until = tick, until
        self._missing: list[str] = []

    def tick(self, count: int) -> None:
        """Go on, or raise _TimeUp."""
        self._tick(count)
        if time.monotonic() > self._until:
            raise _TimeUp

    def in_time(self, name: str, work: Callable[[], T | None]) -> T | None:
        """Do work that has a name; None if there is no time for it."""
        try:
            return work()
        except _TimeUp:
            self._missing.append(name)
            return None

    def tell(self) -> None:
        """Warn of what is missing."""
        if self._missing:
            warn(
                "The time for learning from the set was over. iceblock goes on without "
                f"{' and '.join(self._missing)}; a longer --learn-minutes may give a better result."
            )
