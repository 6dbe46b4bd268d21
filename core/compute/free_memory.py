"""Free memory goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def return_free_memory() -> None:
    """Give the memory that this process has freed back to the system; without glibc, do nothing.

    glibc keeps freed memory for later. Where several threads make arrays of many sizes, most of it
    is never used again, and the process seems to need two or three times what it needs.
    """
    if not sys.platform.startswith("linux"):
        return
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
