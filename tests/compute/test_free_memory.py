"""Threads share freed memory, and it goes back to the system."""

import mmap
import subprocess
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


HEAPS = """
import ctypes, sys, threading
from core.compute.free_memory import share_free_memory
if sys.argv[1] == "shared":
    share_free_memory()
together, kept = threading.Barrier(8), []
def work():
    together.wait()
    kept.append([bytes(5000) for _ in range(100)])
    together.wait()
threads = [threading.Thread(target=work) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
library = ctypes.CDLL(None)
library.fopen.restype = ctypes.c_void_p
file = ctypes.c_void_p(library.fopen(b"/dev/stdout", b"w"))
library.malloc_info(0, file)
library.fclose(file)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Only glibc has arenas.")
@pytest.mark.parametrize(("kind", "single"), [("shared", True), ("apart", False)])
def test_threads_share_one_heap(kind: str, single: bool) -> None:
    command = [sys.executable, "-c", HEAPS, kind]
    told = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    assert (told.count("<heap nr") == 1) == single
