"""Single images in the formats that micrographs and their masks come in: MRC, TIFF, PNG, JPEG."""

import itertools
import logging
import math
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tifffile
from PIL import Image, UnidentifiedImageError

from ...errors import IceblockError
from ..disk import read_error
from ..input_file import open_input, refuse_beyond_memory
from ..mrc.byte_mode import imod_says_unsigned, zero_of_mask
from ..mrc.reader import HEADER_BYTES, parse_header, read_header, read_images

MRC_SUFFIXES = frozenset({".mrc", ".mrcs"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
IMAGE_SUFFIXES = MRC_SUFFIXES | TIFF_SUFFIXES | _PICTURES

_DECODING_ERRORS = (
    ValueError, TypeError, RuntimeError, LookupError, ImportError, ArithmeticError, AttributeError,
    AssertionError, SyntaxError, EOFError, struct.error, zlib.error, tifffile.TiffFileError,
    UnidentifiedImageError, Image.DecompressionBombError,
)  # fmt: skip
# Pixels of the largest picture: no detector's image has a side beyond this.
_LARGEST_PICTURE = 1 << 15
# Pixels that a byte of a file holds at most; zlib packs a thousandfold, a byte has eight bits.
_PACKED = 8 * 1032
_LONGEST_PICTURE, _LONGEST_TIFF = 1 << 29, 1 << 31  # bytes
_SLACK = 1 << 20  # bytes that a compressed image, or what lies between its parts, may take more
# A file that is wrong is told of in a sentence of our own.
logging.getLogger("tifffile").setLevel(logging.CRITICAL)


@dataclass(frozen=True, eq=False)
class ImageFile:
    """One image as it stands in a file.

    Attributes
    ----------
    pixels
        (ny, nx) float32.
    whole
        Whether the file stores whole numbers.
    zero
        The value that stands for nothing in a mask.
    """

    pixels: npt.NDArray[np.float32]
    whole: bool
    zero: float = 0.0


def read_image(path: Path, as_mask: bool = False) -> ImageFile:
    """Read a file of one image.

    MRC files are read as `mrc.read_header` has it, whatever their names end in. Of TIFF files those
    that tifffile or Pillow decode.

    Parameters
    ----------
    path
        The file; its suffix tells the format, or its first bytes where the suffix tells none.
    as_mask
        Take the opacity of a picture that has one, or the numbers of the colours in its palette.
        Else colours are averaged and opacity is left out.

    Raises
    ------
    IceblockError
        For a file that is missing, unreadable, of another format, or that holds several images.
    """
    suffix = path.suffix.lower()
    _check_file(path)
    try:
        if _is_mrc(path):
            return _read_mrc(path, as_mask)
        if suffix in TIFF_SUFFIXES:
            return _image_file(_read_tiff(path, as_mask), path, as_mask)
        if suffix in _PICTURES:
            return _image_file(_read_picture(path, as_mask), path, as_mask)
    except (OSError, *_DECODING_ERRORS) as error:
        raise _unreadable(path, error) from error
    raise _unknown_format(path)


def header_pixel_size(path: Path) -> float:
    """Give the pixel size in Å that a file states, unchecked; 0.0 where it states none."""
    suffix = path.suffix.lower()
    if _is_mrc(path):
        return read_header(path).pixel_size
    if suffix in _PICTURES:
        return 0.0
    if suffix not in TIFF_SUFFIXES:
        raise _unknown_format(path)
    _check_file(path)
    try:
        with tifffile.TiffFile(path) as tiff:
            return _tiff_pixel_size(tiff.pages[0].tags)  # type: ignore[union-attr]
    except (OSError, *_DECODING_ERRORS) as error:
        raise _unreadable(path, error) from error


def _is_mrc(path: Path) -> bool:
    """Tell whether a file is to be read as MRC: RELION's `mic.st:mrc` may have any ending."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return suffix in MRC_SUFFIXES
    with open_input(path) as file:
        header = file.read(HEADER_BYTES)
    if len(header) < HEADER_BYTES:
        return False
    try:
        parse_header(header, path)
    except IceblockError:
        return False
    return True


def _check_file(path: Path) -> None:
    """Refuse what cannot be opened, and pictures that are longer than any: decoders go on long."""
    suffix = path.suffix.lower()
    with open_input(path) as file:
        size = os.fstat(file.fileno()).st_size
    longest = _LONGEST_PICTURE if suffix in _PICTURES else _LONGEST_TIFF
    if size > longest and not _is_mrc(path):
        raise IceblockError(
            f"{path} has {size / 1e9:.3g} GB, which no single picture has; copy or make it again, "
            "or, if it is a movie, align and sum its frames first"
        )


def _read_mrc(path: Path, as_mask: bool) -> ImageFile:
    stack = read_header(path, as_mask)
    if stack.n_images > 1:
        raise _several(path, stack.n_images)
    pixels = read_images(stack, [0])[0]
    zero = _zero_of_bytes(path, pixels) if as_mask and stack.dtype == np.int8 else 0
    return ImageFile(pixels, whole=stack.dtype.kind in "iu", zero=zero)


def _zero_of_bytes(path: Path, pixels: npt.NDArray[np.float32]) -> int:
    with open_input(path) as file:
        header = file.read(HEADER_BYTES)
    counts = np.bincount(pixels.astype(np.int8).view(np.uint8).ravel(), minlength=256)
    return zero_of_mask(counts, marked=imod_says_unsigned(header) is False)


def _read_tiff(path: Path, as_mask: bool) -> npt.NDArray[Any]:
    with tifffile.TiffFile(path) as tiff:
        page = tiff.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        series = tiff.series[0].shape if tiff.is_imagej else ()
        count = max(_full_pages(tiff), *(series[:-2] if len(series) > 2 else (1,)))
        if page.samplesperpixel == 1 and count > 1:
            raise _several(path, count)
        _refuse_too_large(path, page.shape, page.dtype)
        _check_segments(path, page)
        try:
            return np.asarray(page.asarray())
        except _DECODING_ERRORS:
            # A compression that tifffile decodes with the help of other packages only.
            return _read_picture(path, as_mask)


def _full_pages(tiff: tifffile.TiffFile) -> int:
    """Count images; small copies of the first one are none of their own."""
    if len(tiff.pages) == 1:
        return 1
    return sum(not page.is_reduced for page in tiff.pages)  # type: ignore[union-attr]


def _tiff_pixel_size(tags: tifffile.TiffTags) -> float:
    centimetres = 3
    unit, resolution = tags.get("ResolutionUnit"), tags.get("XResolution")
    if unit is None or resolution is None or int(unit.value) != centimetres:
        return 0.0
    dots, length = resolution.value
    return float(f"{1e8 * length / dots:.7g}") if dots else 0.0


def _read_picture(path: Path, as_mask: bool) -> npt.NDArray[Any]:
    Image.MAX_IMAGE_PIXELS = None  # a micrograph has more pixels than what Pillow takes for a bomb
    with Image.open(path) as picture:
        frames = getattr(picture, "n_frames", 1)
        if frames > 1:
            raise _several(path, frames)
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


def _image_file(pixels: npt.NDArray[Any], path: Path, as_mask: bool) -> ImageFile:
    whole = pixels.dtype.kind in "iub"
    if pixels.ndim == 3 and pixels.shape[-1] in (2, 4):
        opacity = pixels[..., -1]
        pixels = opacity if as_mask and np.ptp(opacity) else pixels[..., :-1]
    if pixels.ndim == 3 and pixels.shape[-1] in (1, 3):
        pixels = pixels.mean(axis=-1, dtype=np.float32)
    if pixels.ndim != 2 or pixels.dtype.kind not in "iubf":
        raise IceblockError(
            f"{path} holds no single grey image (its array is {pixels.shape} of {pixels.dtype}); "
            "save one grey image in it"
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return ImageFile(np.ascontiguousarray(pixels, dtype=np.float32), whole)


def _several(path: Path, count: int) -> IceblockError:
    return IceblockError(
        f"{path} holds {count} images, as a movie or a stack does, and one is needed; align and "
        "sum the movie first, for example with RELION's motion correction, and name the sum"
    )


def _unreadable(path: Path, error: Exception) -> IceblockError:
    if isinstance(error, OSError) and error.errno is not None:
        return read_error(error, path)
    said = str(error).strip().splitlines()
    return IceblockError(
        f"{path} cannot be read as an image ({said[0] if said else type(error).__name__}); copy or "
        "make it again, or save it as MRC"
    )


def _unknown_format(path: Path) -> IceblockError:
    kind = f"files that end in {path.suffix}" if path.suffix else "files without an ending"
    known = ", ".join(sorted(IMAGE_SUFFIXES))
    return IceblockError(
        f"{path} is no image that can be read here ({kind} are not known; {known} "
        "are); convert it to MRC"
    )
