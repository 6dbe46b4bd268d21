"""Maps on disk: MRC files of volumes, also gzipped, read no further than they go."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.input_file import open_input, refuse_beyond_memory
from ..images.mrc.byte_mode import imod_says_unsigned, levels_say_unsigned
from ..images.mrc.reader import DTYPE_OF_MODE, HEADER_BYTES, parse_header
from ..images.unpacking import Unpacked

# Deflate packs no better than this.
_RATIO = 1032
_VOLUME_STACKS = range(401, 631)  # space groups that stand for several volumes in one file


@dataclass(frozen=True, eq=False)
class MapHeader:
    """What the header of a map says."""

    shape: tuple[int, int, int]
    """Sections, rows and columns."""
    axes: tuple[int, int, int]
    """Which of x (1), y (2) and z (3) sections, rows and columns run along."""
    dtype: np.dtype[Any]
    offset: int
    """Bytes before the values."""
    voxel_sizes: tuple[float, float, float]
    """Å along x, y, z; 0 or no number where it has none."""


def read_map_header(path: Path) -> MapHeader:
    """Read a header alone; errors as for `read_map_values`."""
    with open_input(path) as raw:
        file = _unpacked(path, raw)
        return _parse(file.read(HEADER_BYTES), path)


def read_map_values(path: Path) -> tuple[npt.NDArray[np.float32], MapHeader]:
    """Read the values of a map, (sections, rows, columns), and its header.

    Raises
    ------
    ValueError, OSError, EOFError, zlib.error
        For a file that is no map of real numbers, or shorter than its header says.
    IceblockError
        For a missing file, and for one that the memory cannot hold.
    """
    with open_input(path) as raw:
        file = _unpacked(path, raw)
        size = os.fstat(raw.fileno()).st_size
        first = file.read(HEADER_BYTES)
        header = _parse(first, path)
        count = int(np.prod(header.shape, dtype=object))
        wanted = header.offset + count * header.dtype.itemsize
        if wanted > size * (1 if file is raw else _RATIO):
            raise ValueError("it holds less than its header promises")
        # The values, and the padded cube that is made of them.
        refuse_beyond_memory(path, max(wanted, 4 * count) + 4 * max(header.shape) ** 3)
        _skip(file, header.offset - HEADER_BYTES)
        data = _take(file, wanted - header.offset)
        if len(data) < wanted - header.offset:
            raise ValueError("it holds less than its header promises")
    dtype = header.dtype if header.dtype.itemsize > 1 else _type_of_bytes(first, data)
    values = np.frombuffer(data, dtype).reshape(header.shape)
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32), header


def _parse(raw: bytes, path: Path) -> MapHeader:
    if len(raw) < HEADER_BYTES:
        raise ValueError("it is too short")
    try:
        header, order = parse_header(raw, path)
    except IceblockError as error:
        raise ValueError("its first bytes give no possible size and mode") from error
    mode = int(header["mode"])
    if mode not in DTYPE_OF_MODE:
        raise ValueError(f"it is not a 3D map of real numbers (mode {mode})")
    if int(header["ispg"]) in _VOLUME_STACKS:
        raise ValueError("it holds several volumes")
    cell = [float(header["cella"][axis]) for axis in "xyz"]
    sampling = [int(header[name]) for name in ("mx", "my", "mz")]
    sizes = [length / n if n > 0 else 0.0 for length, n in zip(cell, sampling, strict=True)]
    return MapHeader(
        shape=(int(header["nz"]), int(header["ny"]), int(header["nx"])),
        axes=(int(header["maps"]), int(header["mapr"]), int(header["mapc"])),
        dtype=np.dtype(DTYPE_OF_MODE[mode]).newbyteorder(order),
        offset=HEADER_BYTES + int(header["nsymbt"]),
        voxel_sizes=(sizes[0], sizes[1], sizes[2]),
    )


def _type_of_bytes(header: bytes, data: bytes) -> np.dtype[Any]:
    unsigned = imod_says_unsigned(header)
    if unsigned is None:
        unsigned = levels_say_unsigned(np.bincount(np.frombuffer(data, np.uint8), minlength=256))
    return np.dtype(np.uint8 if unsigned else np.int8)


def _unpacked(path: Path, raw: BinaryIO) -> BinaryIO | Unpacked:
    return Unpacked(raw) if path.suffix.lower() == ".gz" else raw


def _take(file: BinaryIO | Unpacked, count: int) -> bytes:
    # One read brings 2 GB at most.
    parts = []
    while count > 0 and (part := file.read(min(count, 1 << 30))):
        parts.append(part)
        count -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _skip(file: BinaryIO | Unpacked, count: int) -> None:
    while count > 0:
        got = len(file.read(min(count, 1 << 20)))
        if not got:
            return
        count -= got
