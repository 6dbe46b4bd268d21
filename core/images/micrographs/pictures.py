"""Decode TIFF files and pictures, with settings of their packages that hold meanwhile only."""

import contextlib
import itertools
import logging
import math
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from ...errors import IceblockError
from ..input_file import refuse_beyond_memory

DECODING_ERRORS = (
    ValueError, TypeError, RuntimeError, LookupError, ImportError, ArithmeticError, AttributeError,
    AssertionError, SyntaxError, EOFError, struct.error, zlib.error, tifffile.TiffFileError,
    UnidentifiedImageError, Image.DecompressionBombError,
)  # fmt: skip
# Pixels of the largest picture: no detector's image has a side beyond this.
_LARGEST_PICTURE = 1 << 15
# Pixels that a byte of a file holds at most; zlib packs a thousandfold, a byte has eight bits.
_PACKED = 8 * 1032
_SLACK = 1 << 20  # bytes that a compressed image, or what lies between its parts, may take more
_LOCK = threading.Lock()
_before: list[tuple[int, int | None]] = []  # one for each thread that decodes


@contextlib.contextmanager
def decoding() -> Iterator[None]:
    """Let Pillow open large pictures and tifffile keep silent, inside a `with` block.

    A micrograph has more pixels than what Pillow takes for a bomb, and what is wrong with a file is
    told in a sentence of our own. Both settings hold for the whole process, so threads share them:
    the last one puts them back.
    """
    log = logging.getLogger("tifffile")
    with _LOCK:
        _before.append(_before[0] if _before else (log.level, Image.MAX_IMAGE_PIXELS))
        log.setLevel(logging.CRITICAL)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _LOCK:
            level, pixels = _before.pop()
            if not _before:
                log.setLevel(level)
                Image.MAX_IMAGE_PIXELS = pixels


def read_tiff(path: Path, as_mask: bool) -> npt.NDArray[Any]:
    """Read the image of a TIFF file; see `formats.read_image`."""
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        if not isinstance(page, tifffile.TiffPage):
            raise TypeError("its first page is no image")
        series = tiff.series[0].shape if tiff.is_imagej else ()
        count = max(_full_pages(tiff), *(series[:-2] if len(series) > 2 else (1,)))
        if page.samplesperpixel == 1 and count > 1:
            raise several_images(path, count)
        _refuse_too_large(path, page.shape, page.dtype)
        _check_segments(path, page)
        try:
            return np.asarray(page.asarray())
        except DECODING_ERRORS:
            # A compression that tifffile decodes with the help of other packages only.
            return read_picture(path, as_mask)


def _full_pages(tiff: tifffile.TiffFile) -> int:
    """Count images; small copies of the first one are none of their own."""
    if len(tiff.pages) == 1:
        return 1
    return sum(not page.is_reduced for page in tiff.pages)  # type: ignore[union-attr]


def tiff_pixel_size(path: Path) -> float:
    """Give the pixel size in Å that a TIFF file states, unchecked; 0.0 where it states none."""
    centimetres = 3
    with tifffile.TiffFile(path) as tiff:
        tags = tiff.pages[0].tags  # type: ignore[union-attr]
        unit, resolution = tags.get("ResolutionUnit"), tags.get("XResolution")
    if unit is None or resolution is None or int(unit.value) != centimetres:
        return 0.0
    dots, length = resolution.value
    return float(f"{1e8 * length / dots:.7g}") if dots else 0.0


def read_picture(path: Path, as_mask: bool) -> npt.NDArray[Any]:
    """Read a picture; see `formats.read_image`."""
    with Image.open(path) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1:
            raise several_images(path, frames)
        _refuse_too_large(path, picture.size, np.dtype("u4"))
        if picture.mode in ("CMYK", "YCbCr") or (picture.mode in ("P", "PA") and not as_mask):
            return np.asarray(picture.convert("RGB"))
        return np.asarray(picture)


def _check_segments(path: Path, page: tifffile.TiffPage) -> None:
    """Refuse a TIFF file whose strips or tiles are not where, or not as long as, it says."""
    raw = math.prod(page.shape) * (page.dtype.itemsize if page.dtype else 4)
    longest = 2 * raw + _SLACK
    size = os.path.getsize(path)  # noqa: PTH202
    for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
        if not (0 <= offset <= size and 0 <= count <= min(size - offset, longest)):
            raise ValueError("it is shorter than it says")
    # Pillow, which is asked where tifffile gives up, reads from one part to the next.
    places = sorted(page.dataoffsets)
    if any(after - before > longest for before, after in itertools.pairwise(places)):
        raise ValueError("its parts lie too far apart")


def _refuse_too_large(path: Path, shape: tuple[int, ...], dtype: np.dtype[Any] | None) -> None:
    """Refuse what has more pixels than any detector, or than the file or the memory can hold."""
    pixels = math.prod(shape)
    if max(shape) > _LARGEST_PICTURE or pixels > _PACKED * os.path.getsize(path):  # noqa: PTH202
        raise IceblockError(
            f"{path} claims to have {' x '.join(map(str, shape))} pixels, which it does not hold; "
            "copy or make it again"
        )
    refuse_beyond_memory(path, pixels * max(4, dtype.itemsize if dtype else 4))


def several_images(path: Path, count: int) -> IceblockError:
    """Make the error for a file of several images where one is needed."""
    return IceblockError(
        f"{path} holds {count} images, as a movie or a stack does, and one is needed; align and "
        "sum the movie first, for example with RELION's motion correction, and name the sum"
    )
