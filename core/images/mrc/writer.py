"""Write an image stack in MRC format, image by image, so that it appears whole or not at all.

The images go to a hidden file beside the final one. A run that is stopped leaves that file; a
writer made again with the same geometry keeps its whole images and goes on, and ends with the same
bytes as a run that was never stopped.
"""

import contextlib
import os
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Self

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..denoised_mark import DENOISED, PLAIN
from ..disk import is_full, partial_path, write_error, write_fully
from .header import new_header
from .reader import HEADER_BYTES
from .statistics import StackStatistics

_MODES = {"f4": 2, "f2": 12}
# While statistics are built again from a file, about this many bytes are read at a time.
_BUFFER_BYTES = 8 << 20


class StackWriter:
    """Write `n_images` square images to `path`, as float32 or float16.

    Attributes
    ----------
    label
        What the header says of the file; ASCII, 80 characters at most.
    path
        The file that appears when the writer is closed.
    written
        Number of images that are in the hidden file; above 0 from the start when an earlier,
        stopped run is continued.
    """

    label: ClassVar[str] = PLAIN

    def __init__(
        self,
        path: Path,
        n_images: int,
        box: int,
        pixel_size: float,
        dtype: npt.DTypeLike = np.float32,
        resume: int = 1,
    ) -> None:
        """Open the hidden file, new or where a stopped run left it.

        Parameters
        ----------
        path
            The file to make. An existing one stays until `close` replaces it.
        n_images
            Number of images that the stack will hold.
        box
            Side of an image in pixels.
        pixel_size
            Å, for the header.
        dtype
            float32 or float16.
        resume
            Go on from what a stopped run left, and keep a multiple of this many images of it, so
            that batches of this size fall where they fell before. Only the geometry is compared:
            who changes the pixels (another model, other options) passes 0 or False.

        Raises
        ------
        IceblockError
            When the file cannot be made.
        """
        kind = np.dtype(dtype).str[1:]
        if kind not in _MODES:
            raise ValueError(f"an MRC stack is written as float32 or float16, not {dtype}")
        if n_images < 1 or box < 1 or resume < 0:
            raise ValueError("n_images and box are at least 1, resume at least 0")
        self.path = path
        self.written = 0
        self._n_images = n_images
        self._box = box
        self._resume = resume
        self._dtype = np.dtype("<" + kind)
        self._header = new_header(n_images, box, pixel_size, _MODES[kind], self.label)
        self._statistics = StackStatistics(n_images)
        self._partial = partial_path(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file: BinaryIO = self._open()
        except OSError as error:
            raise self._failure(error) from error

    def append(self, images: npt.ArrayLike) -> None:
        """Write the next images.

        Parameters
        ----------
        images
            (k, y, x) real numbers, or one image (y, x).

        Raises
        ------
        IceblockError
            For a value that float16 cannot hold, and when the disk fails. On a full disk the
            hidden file is removed.
        """
        values = np.asarray(images)
        values = values[np.newaxis] if values.ndim == 2 else values
        if values.shape[1:] != (self._box, self._box):
            raise ValueError(f"images are {values.shape}, not (k, {self._box}, {self._box})")
        if self.written + len(values) > self._n_images:
            raise ValueError(f"{self.path} was to hold {self._n_images} images and is given more")
        block = self._convert(values)
        try:
            write_fully(self._file, memoryview(block.reshape(-1).view(np.uint8).data))
        except OSError as error:
            raise self._failure(error) from error
        self._statistics.add(self.written, block)
        self.written += len(block)

    def close(self) -> None:
        """Complete the header and give the file its name.

        Raises
        ------
        IceblockError
            When the disk fails; the hidden file stays, unless the disk is full.
        """
        if self.written != self._n_images:
            self.abandon()
            raise ValueError(
                f"{self.path} was to hold {self._n_images} images and was given {self.written}"
            )
        self._statistics.complete(self._header)
        try:
            self._file.seek(0)
            write_fully(self._file, memoryview(self._header.reshape(-1).view(np.uint8).data))
            os.fsync(self._file.fileno())
            self._file.close()
            self._partial.replace(self.path)
        except OSError as error:
            raise self._failure(error) from error

    def abandon(self) -> None:
        """Stop here and leave the hidden file for a later run to go on from."""
        with contextlib.suppress(OSError):
            self._file.close()

    def discard(self) -> None:
        """Stop here and remove the hidden file."""
        self.abandon()
        with contextlib.suppress(OSError):
            self._partial.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _open(self) -> BinaryIO:
        """Open the hidden file at the place where the next image goes."""
        placeholder = self._header.tobytes()
        if self._partial.is_symlink():  # which would lead elsewhere
            self._partial.unlink()
        if self._resume and self._partial.is_file():
            file = self._partial.open("r+b", buffering=0)
            if file.read(HEADER_BYTES) == placeholder:
                self._take_up(file)
                return file
            file.close()
        file = self._partial.open("w+b", buffering=0)
        try:
            write_fully(file, memoryview(self._header.reshape(-1).view(np.uint8).data))
        except OSError:
            file.close()
            raise
        return file

    def _take_up(self, file: BinaryIO) -> None:
        """Keep the whole, aligned images of a stopped run and count their statistics again."""
        image_bytes = self._box * self._box * self._dtype.itemsize
        whole = (os.fstat(file.fileno()).st_size - HEADER_BYTES) // image_bytes
        keep = min(whole, self._n_images)
        if keep < self._n_images:
            keep = keep // self._resume * self._resume
        file.truncate(HEADER_BYTES + keep * image_bytes)
        file.seek(HEADER_BYTES)
        step = max(1, _BUFFER_BYTES // image_bytes)
        for start in range(0, keep, step):
            count = min(step, keep - start)
            raw = _read_fully(file, count * image_bytes)
            block = np.frombuffer(raw, self._dtype).reshape(count, self._box, self._box)
            self._statistics.add(start, block)
        self.written = keep

    def _convert(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Give the values in the type of the file, C-ordered; refuse what becomes infinite."""
        with np.errstate(over="ignore"):
            block = np.ascontiguousarray(values, dtype=self._dtype)
        lost = np.isinf(block)
        if lost.any() and (lost := lost & np.isfinite(values)).any():
            image = self.written + int(np.flatnonzero(lost.any(axis=(1, 2)))[0]) + 1
            raise IceblockError(
                f"{self.path}: image {image} holds the value {values[lost].flat[0]:g}, which "
                f"{self._dtype.name} cannot hold; write float32 instead"
            )
        return block

    def _failure(self, error: OSError) -> IceblockError:
        """Turn a failing disk into a sentence; a full one also loses the hidden file."""
        if hasattr(self, "_file"):
            self.abandon()
        if is_full(error):
            with contextlib.suppress(OSError):
                self._partial.unlink(missing_ok=True)
        return write_error(error, self.path)


class DenoisedStackWriter(StackWriter):
    """Write denoised images, and say so in the header."""

    label: ClassVar[str] = DENOISED


def _read_fully(file: BinaryIO, count: int) -> bytearray:
    """Read `count` bytes."""
    data = bytearray(count)
    view = memoryview(data)
    while view:
        got = file.readinto(view)  # type: ignore[attr-defined]
        if not got:
            raise OSError("the file ended early")
        view = view[got:]
    return data
