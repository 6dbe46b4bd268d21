"""Free memory goes back to the system."""

import mmap
import sys
from pathlib import Path

import numpy as np
import pytest

from core.compute.free_memory import return_free_memory

MEGABYTES = 64


def resident() -> int:
    """Give the memory of this process, bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * mmap.PAGESIZE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Only glibc can return memory.")
def test_holes_between_what_is_in_use_go_back() -> None:
    pieces = [np.ones(16 << 10, dtype=np.uint8) for _ in range(MEGABYTES << 6)]
    before = resident()
    kept = pieces[::64]
    del pieces
    return_free_memory()
    assert before - resident() > (MEGABYTES << 20) / 2
    assert all(piece.all() for piece in kept)
