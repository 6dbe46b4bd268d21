"""Free memory goes back to the system."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Callable
from functools import cache


def return_free_memory() -> None:
    """Give the system the memory back that is free in this process; without glibc, do nothing.

    The C library keeps what was freed, cut into pieces between those in use. Work with arrays of
    many sizes, on several threads, so comes to hold twice as much as it uses.
    """
    if trim := _trim():
        trim(0)


@cache
def _trim() -> Callable[[int], int] | None:
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
