"""Ctrl-C that waits for a good moment."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType


@contextlib.contextmanager
def interrupted_between_steps() -> Iterator[Callable[[], None]]:
    """Put Ctrl-C off to the next call of the function that is given; a second one acts at once.

    Where another handler than Python's own takes Ctrl-C, or outside the main thread, nothing is
    changed.
    """
    asked = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    def check() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    former = signal.getsignal(signal.SIGINT)
    mine = (
        former is signal.default_int_handler
        and threading.current_thread() is threading.main_thread()
    )
    if mine:
        signal.signal(signal.SIGINT, note)
    try:
        yield check
    finally:
        if mine:
            signal.signal(signal.SIGINT, former)
