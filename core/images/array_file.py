"""NumPy's file format for arrays of numbers, read without believing what a header promises.

NumPy's own reader takes the memory that a header asks for before it looks for the data, and its
parser of headers can be brought down by nested or endless ones.
"""

import io
import re
import tokenize
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt

# NumPy's own limit of 10 kB is too small for the list of fields of some files.
_LARGEST_HEADER = 1 << 20
# MemoryError is what Python's parser says of what is nested too deeply.
_NO_HEADER = (
    SyntaxError, TypeError, ArithmeticError, tokenize.TokenError, RecursionError, MemoryError,
    Warning,
)  # fmt: skip
_LONG_NUMBER = re.compile(rb"(?<=\d)L(?=\s*[,)])")  # as Python 2 wrote numbers
_TEXTS = re.compile(rb"'[^'\\\n]*'|\"[^\"\\\n]*\"")
# What a dictionary of names, types, numbers and truth values is made of.
_PLAIN = re.compile(rb"[\w\s{}()\[\],:]*")


def read_array(file: BinaryIO, size: int) -> npt.NDArray[Any]:
    """Read an array, and never run what a file may hold.

    Parameters
    ----------
    file
        At the beginning of the array.
    size
        Bytes that there are from here on.

    Raises
    ------
    ValueError
        For anything that is no whole array of plain values.
    """
    shape, fortran_order, dtype = _read_header(file)
    if dtype.hasobject or dtype.itemsize == 0:
        raise ValueError("the array holds no plain values")
    if not all(type(length) is int and length >= 0 for length in shape):
        raise ValueError("the array has no possible shape")
    count = 1
    for length in shape:
        count *= length
    if count * dtype.itemsize > size:
        raise ValueError("the file is shorter than its header says")
    values = np.empty(count, dtype)
    view = memoryview(values.view(np.uint8).data) if count else memoryview(b"")
    while view:
        got = file.readinto(view)  # type: ignore[attr-defined]
        if not got:
            raise ValueError("the file is shorter than its header says")
        view = view[got:]
    return values.reshape(shape[::-1]).T if fortran_order else values.reshape(shape)


def _read_header(file: BinaryIO) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    version = np.lib.format.read_magic(cast("Any", file))
    if version not in ((1, 0), (2, 0)):
        raise ValueError(f"version {version} is not known")
    width = 2 if version == (1, 0) else 4
    prefix = file.read(width)
    length = int.from_bytes(prefix, "little")
    if length > _LARGEST_HEADER:
        raise ValueError("the header is too long")
    header = file.read(length)
    if not _PLAIN.fullmatch(_TEXTS.sub(b"", header)):
        raise ValueError("the header is no plain list of fields")
    parse = (
        np.lib.format.read_array_header_1_0
        if version == (1, 0)
        else np.lib.format.read_array_header_2_0
    )
    header = _LONG_NUMBER.sub(b" ", header)  # keeps the length
    try:
        return parse(cast("Any", io.BytesIO(prefix + header)), max_header_size=_LARGEST_HEADER)
    except _NO_HEADER as error:
        raise ValueError("the header is no list of fields") from error
