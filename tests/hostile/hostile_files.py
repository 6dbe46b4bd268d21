"""Small things that are done to files on the way to doing harm."""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest

if TYPE_CHECKING:
    from pathlib import Path

TERABYTES = 1 << 43


def edit(path: Path, old: str, new: str) -> Path:
    """Replace a text, which has to be there."""
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    return path


def stretch(path: Path, size: int = TERABYTES) -> Path:
    """Make a file longer than any disk, with holes."""
    try:
        os.truncate(path, size)
    except OSError:
        pytest.skip("the file system does not take files of this size")
    return path


def npy(header: str, data: bytes = b"", version: int = 2) -> bytes:
    """A NumPy file with this header."""
    text = header.encode() + b"\n"
    return b"\x93NUMPY" + bytes([version, 0]) + struct.pack("<I", len(text)) + text + data


def mrc(path: Path, nx: int, ny: int, nz: int, mode: int = 2) -> Path:
    """An MRC file of two images whose header claims other sizes."""
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(np.ones((2, 32, 32), np.float32))
    data = struct.pack("<4i", nx, ny, nz, mode) + path.read_bytes()[16:]
    path.write_bytes(data)
    return path
