"""Single images in the formats that micrographs and their masks come in: MRC, TIFF, PNG, JPEG."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..disk import read_error
from ..input_file import open_input
from ..mrc.byte_mode import imod_says_unsigned, zero_of_mask
from ..mrc.reader import HEADER_BYTES, parse_header, read_header, read_images
from .pictures import (
    DECODING_ERRORS,
    decoding,
    read_picture,
    read_tiff,
    several_images,
    tiff_pixel_size,
)

MRC_SUFFIXES = frozenset({".mrc", ".mrcs"})
TIFF_SUFFIXES = frozenset({".tif", ".tiff"})
_PICTURES = frozenset({".png", ".jpg", ".jpeg"})
IMAGE_SUFFIXES = MRC_SUFFIXES | TIFF_SUFFIXES | _PICTURES

_LONGEST_PICTURE, _LONGEST_TIFF = 1 << 29, 1 << 31  # bytes


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
        if is_mrc(path):
            return _read_mrc(path, as_mask)
        if suffix in TIFF_SUFFIXES | _PICTURES:
            decode = read_tiff if suffix in TIFF_SUFFIXES else read_picture
            with decoding():
                return _image_file(decode(path, as_mask), path, as_mask)
    except (OSError, *DECODING_ERRORS) as error:
        raise _unreadable(path, error) from error
    raise _unknown_format(path)


def header_pixel_size(path: Path) -> float:
    """Give the pixel size in Å that a file states, unchecked; 0.0 where it states none."""
    suffix = path.suffix.lower()
    if is_mrc(path):
        return read_header(path).pixel_size
    if suffix in _PICTURES:
        return 0.0
    if suffix not in TIFF_SUFFIXES:
        raise _unknown_format(path)
    _check_file(path)
    try:
        with decoding():
            return tiff_pixel_size(path)
    except (OSError, *DECODING_ERRORS) as error:
        raise _unreadable(path, error) from error


def is_mrc(path: Path) -> bool:
    """Tell whether a file is to be read as MRC: RELION's `mic.st:mrc` may have any ending.

    What no ending tells, the first bytes tell.
    """
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
    if size > longest and not is_mrc(path):
        raise IceblockError(
            f"{path} has {size / 1e9:.3g} GB, which no single picture has; copy or make it again, "
            "or, if it is a movie, align and sum its frames first"
        )


def _read_mrc(path: Path, as_mask: bool) -> ImageFile:
    stack = read_header(path, as_mask)
    if stack.n_images > 1:
        raise several_images(path, stack.n_images)
    pixels = read_images(stack, [0])[0]
    zero = _zero_of_bytes(path, pixels) if as_mask and stack.dtype == np.int8 else 0
    return ImageFile(pixels, whole=stack.dtype.kind in "iu", zero=zero)


def _zero_of_bytes(path: Path, pixels: npt.NDArray[np.float32]) -> int:
    with open_input(path) as file:
        header = file.read(HEADER_BYTES)
    unsigned = imod_says_unsigned(header)
    if unsigned:
        return 0
    counts = np.bincount(pixels.astype(np.int8).view(np.uint8).ravel(), minlength=256)
    return zero_of_mask(counts, marked=unsigned is False)


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
