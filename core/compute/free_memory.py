"""Freed memory is used again by all threads, or goes back to the system.

glibc alone is told: other C libraries keep memory in other ways.
"""

from __future__ import annotations

import ctypes
import sys
from typing import Any

_MOST_ARENAS = -8
"""M_ARENA_MAX of mallopt(3)."""


def share_free_memory() -> None:
    """Let all threads that begin from now on take memory from one place.

    Else each thread keeps what it has freed for itself, and the process seems to need half as much
    again as it needs.
    """
    if set_option := _of_glibc("mallopt"):
        set_option(_MOST_ARENAS, 1)


def return_free_memory() -> None:
    """Give the memory that this process has freed back to the system."""
    if trim := _of_glibc("malloc_trim"):
        trim(0)


def _of_glibc(name: str) -> Any:
    """Give a function of glibc; None where this process has another C library."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return getattr(library, name, None) if hasattr(library, "gnu_get_libc_version") else None
