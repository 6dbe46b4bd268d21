"""The confidences of the images of one stack, in a small file beside it.

It holds nothing but little-endian float32 numbers, one an image, in the order of the stack. While
the stack is being written it is hidden as the stack itself is, and it is always ahead of it: what
a stopped run has of the stack, it has of the confidences.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.disk import partial_path, reading, writing

Values = npt.NDArray[np.float32]

_TYPE = np.dtype("<f4")


def confidence_path(stack: Path) -> Path:
    """Give the name of the file that belongs to an output stack."""
    return stack.with_suffix(".confidence")


def read_confidences(stack: Path, n: int) -> Values:
    """Read the confidences of the n images of an output stack.

    Raises
    ------
    IceblockError
        If the file is missing or holds another number of values.
    """
    path = confidence_path(stack)
    values = _read(path)
    if len(values) != n:
        raise IceblockError(
            f"{path} holds {len(values)} values for {n} images; remove it and give the same "
            "command again"
        )
    return values


def has_confidences(stack: Path, n: int) -> bool:
    """Whether the whole file of a stack of n images is there."""
    with contextlib.suppress(OSError):
        return confidence_path(stack).stat().st_size == n * _TYPE.itemsize
    return False


class ConfidenceWriter:
    """Writes the confidences of a stack, going on where an earlier pass stopped.

    Parameters
    ----------
    stack
        The output stack.
    """

    def __init__(self, stack: Path) -> None:
        self._path = confidence_path(stack)
        self._partial = partial_path(self._path)

    def keep(self, count: int) -> bool:
        """Keep the first `count` values of an earlier pass; False where it left fewer.

        Then none is kept.
        """
        found = np.empty(0, _TYPE)
        for path in (self._partial, self._path):
            if path.is_file() and len(found) < count:
                found = _read(path)
        kept = found[:count] if len(found) >= count else found[:0]
        with writing(self._path):
            self._partial.write_bytes(kept.tobytes())
        return len(kept) == count

    def append(self, values: Values) -> None:
        """Write the values of the next images."""
        with writing(self._path), self._partial.open("ab") as file:
            file.write(values.astype(_TYPE).tobytes())

    def close(self) -> None:
        """Give the file its name."""
        with writing(self._path):
            with self._partial.open("rb+") as file:
                os.fsync(file.fileno())
            self._partial.replace(self._path)


def _read(path: Path) -> Values:
    """Read whole values; a cut one at the end is left out."""
    with reading(path):
        data = path.read_bytes()
    return np.frombuffer(data[: len(data) // _TYPE.itemsize * _TYPE.itemsize], _TYPE)
