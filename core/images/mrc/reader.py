"""Read image stacks in MRC format (`.mrcs`, `.mrc`), a few images at a time.

Files are read with plain reads, not through a memory map: mapped pages count as resident memory,
and a job on a cluster is killed for those.
"""

import itertools
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal

import numpy as np
import numpy.typing as npt
from mrcfile.dtypes import HEADER_DTYPE

from ...errors import IceblockError
from ...remarks import warn
from ...wording import counted
from ..disk import reading
from ..input_file import open_input, refuse_beyond_memory
from .byte_mode import count_bytes, imod_says_unsigned, levels_say_unsigned
from .foreign_formats import no_mrc_file, what_it_is
from .header import pixel_size

_Order = Literal["<", ">"]

HEADER_BYTES = HEADER_DTYPE.itemsize
DTYPE_OF_MODE = {0: "i1", 1: "i2", 2: "f4", 6: "u2", 12: "f2"}

_OTHER_MODES = {3: "complex integers", 4: "Fourier transforms", 101: "4-bit integers"}
_MACHINE_STAMP = 212  # byte offset of `machst` in the header
_HEADER_OF_ORDER = {order: HEADER_DTYPE.newbyteorder(order) for order in "<>"}
# A side or a count beyond these is a damaged header: no detector and no stack comes near.
_LARGEST_SIDE = 1 << 17
_LARGEST_COUNT = 1 << 30
# Images that need a conversion pass through a buffer of at most about this many bytes.
_BUFFER_BYTES = 8 << 20


@dataclass(frozen=True)
class Stack:
    """Where the images of one MRC file lie.

    Attributes
    ----------
    path
        The file.
    n_images
        Number of images (sections).
    box_y, box_x
        Rows and columns of an image, in pixels.
    dtype
        Type of a pixel in the file, with its byte order.
    offset
        Bytes before the first image: the header and the extended header.
    pixel_size
        Å, as the header has it; 0.0 where it has none.
    """

    path: Path
    n_images: int
    box_y: int
    box_x: int
    dtype: np.dtype[Any]
    offset: int
    pixel_size: float

    @property
    def image_bytes(self) -> int:
        """Bytes of one image in the file."""
        return self.box_y * self.box_x * self.dtype.itemsize


def read_header(path: Path, as_mask: bool = False) -> Stack:
    """Read the header of an MRC file and check that the file holds what the header promises.

    Modes 0, 1, 2, 6 and 12 are read, in either byte order, with or without the `MAP ` mark and the
    machine stamp that old programs leave out. Bytes (mode 0) are signed or unsigned as IMOD's mark
    says, or else as keeps the grey levels together.

    Parameters
    ----------
    path
        The file.
    as_mask
        Take bytes as signed ones; `mrc_bytes.zero_of_mask` tells which of them mean nothing.

    Raises
    ------
    IceblockError
        For a file that is missing, empty, no MRC file, in another mode, or truncated.
    """
    with open_input(path) as file, reading(path):
        raw = file.read(HEADER_BYTES)
        stack = _parse_stack(raw, os.fstat(file.fileno()).st_size, path)
        if stack.dtype.itemsize == 1 and not as_mask:
            return _with_sign(stack, file, imod_says_unsigned(raw))
    return stack


def _parse_stack(raw: bytes, size: int, path: Path) -> Stack:
    """Make sense of the first bytes of a file of `size` bytes."""
    if not raw:
        raise IceblockError(f"{path} is empty; make or copy it again")
    if len(raw) < HEADER_BYTES:
        what = what_it_is(raw, path) or "is too short to be an MRC file; make or copy it again"
        raise IceblockError(f"{path} {what}")
    header, order = parse_header(raw, path)
    mode = int(header["mode"])
    if mode in _OTHER_MODES:
        raise IceblockError(
            f"{path} holds {_OTHER_MODES[mode]} (MRC mode {mode}), which cannot be denoised; "
            "convert it to 32-bit floats (mode 2) first, for example with IMOD's newstack"
        )
    stack = Stack(
        path=path,
        n_images=int(header["nz"]),
        box_y=int(header["ny"]),
        box_x=int(header["nx"]),
        dtype=np.dtype(DTYPE_OF_MODE[mode]).newbyteorder(order),
        offset=HEADER_BYTES + int(header["nsymbt"]),
        pixel_size=pixel_size(header),
    )
    if size < stack.offset + stack.n_images * stack.image_bytes:
        whole = max(0, size - stack.offset) // stack.image_bytes
        if whole == 0 and header["map"] != b"MAP ":
            raise no_mrc_file(path, raw)
        raise IceblockError(
            f"{path} is truncated: its header promises {stack.n_images} images of {stack.box_x} x "
            f"{stack.box_y} pixels and the file holds {whole}; copy or make it again"
        )
    return stack


def _with_sign(stack: Stack, file: BinaryIO, unsigned: bool | None) -> Stack:
    """Settle whether bytes are signed: `unsigned` is what a mark says, None where there is none."""
    if unsigned is None:
        counts = count_bytes(file, stack.offset, stack.n_images * stack.image_bytes)
        unsigned = levels_say_unsigned(counts)
        if unsigned is not None:
            kind, why = (
                ("unsigned (0 to 255)", "that keeps their grey levels together; RELION does not")
                if unsigned
                else ("signed (-128 to 127)", "RELION does so")
            )
            warn(
                f"MRC files of bytes (mode 0) in {stack.path.parent} do not say whether the bytes "
                f"are signed; they are taken as {kind}, since {why}; convert them to mode 2 if the "
                "images look wrong"
            )
    return replace(stack, dtype=np.dtype(np.uint8)) if unsigned else stack


def read_images(stack: Stack, indices: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Read images of a stack, in any order, with repeats.

    Parameters
    ----------
    stack
        As `read_header` gives it.
    indices
        (k,) 0-based numbers of the images; consecutive ones are read in one go.

    Returns
    -------
    images
        (k, y, x) float32, C order, in the order of `indices`, in the units of the file.

    Raises
    ------
    IceblockError
        For an index outside the stack and for a file that can no longer be read.
    """
    wanted = np.asarray(indices, dtype=np.int64).ravel()
    outside = (wanted < 0) | (wanted >= stack.n_images)
    if outside.any():
        first = int(wanted[outside][0])
        raise IceblockError(
            f"{stack.path} has {counted(stack.n_images, 'image')} and no image {first + 1}; check "
            "the image numbers against the stack"
        )
    refuse_beyond_memory(stack.path, 4 * wanted.size * stack.box_y * stack.box_x)
    images = np.empty((wanted.size, stack.box_y, stack.box_x), dtype=np.float32)
    with reading(stack.path), open_input(stack.path) as file:
        for start, stop in _runs(wanted):
            _read_run(file, stack, int(wanted[start]), images[start:stop])
    return images


def parse_header(raw: bytes, path: Path) -> tuple[Any, _Order]:
    """Parse the bytes of a header in the byte order that makes sense of it.

    The machine stamp goes first. No possible sizes and mode: IceblockError.
    """
    orders: tuple[_Order, _Order] = (">", "<") if raw[_MACHINE_STAMP] == 0x11 else ("<", ">")
    for order in orders:
        header = np.frombuffer(raw, _HEADER_OF_ORDER[order])[0]
        mode = int(header["mode"])
        if (
            (mode in DTYPE_OF_MODE or mode in _OTHER_MODES)
            and 0 < header["nx"] <= _LARGEST_SIDE
            and 0 < header["ny"] <= _LARGEST_SIDE
            and 0 < header["nz"] <= _LARGEST_COUNT
            and header["nsymbt"] >= 0
        ):
            return header, order
    raise no_mrc_file(path, raw)


def _runs(indices: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Cut positions into (start, stop) pieces whose indices are consecutive."""
    cuts = np.flatnonzero(np.diff(indices) != 1) + 1
    edges = [0, *cuts.tolist(), indices.size]
    return [(a, b) for a, b in itertools.pairwise(edges) if b > a]


def _read_run(file: BinaryIO, stack: Stack, first: int, images: npt.NDArray[np.float32]) -> None:
    """Fill `images` (k, y, x) with the images `first`, `first + 1`, … of the file."""
    file.seek(stack.offset + first * stack.image_bytes)
    if stack.dtype == np.dtype(np.float32):
        _read_exactly(file, stack, images)
        return
    step = max(1, _BUFFER_BYTES // stack.image_bytes)
    buffer = np.empty((min(step, len(images)), stack.box_y, stack.box_x), dtype=stack.dtype)
    for start in range(0, len(images), step):
        part = images[start : start + step]
        _read_exactly(file, stack, buffer[: len(part)])
        part[...] = buffer[: len(part)]


def _read_exactly(file: BinaryIO, stack: Stack, array: npt.NDArray[Any]) -> None:
    """Fill a C-ordered array; a read may bring less than was asked for, on any file system."""
    view = memoryview(array.reshape(-1).view(np.uint8).data)
    while view:
        count = file.readinto(view)  # type: ignore[attr-defined]
        if not count:
            raise IceblockError(
                f"{stack.path} has become shorter while it was read; let the program that writes "
                "it finish, then start again"
            )
        view = view[count:]
