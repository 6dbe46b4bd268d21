"""Micrographs: which images there are, at what pixel size, and their pixels ready for use."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..input_file import is_file
from ..star.document import StarFile
from ..star.image_names import file_of
from ..star.optics import read_optics
from ..star.tokens import quote, unquote
from .defects import find_defects
from .fill import fill_defects
from .formats import IMAGE_SUFFIXES, TIFF_SUFFIXES, header_pixel_size, read_image
from .table import NAME, find_micrographs, pixel_sizes, root_of_most

MASK_ENDINGS = ("_mask", "-mask", ".mask", "_masks", "_pollution", "_contamination")
"""What a mask's file name, in lower case and without its suffix, adds to its micrograph's."""

_BESIDE = (*MASK_ENDINGS, "_ps")  # MotionCorr keeps a power spectrum X_PS.mrc beside X.mrc
_LEAST_VALID = 0.5
_SMALLEST = 8  # pixels of a side
_OFFSET = 1e4  # times the distance of the quartiles


@dataclass(frozen=True)
class Micrograph:
    """One micrograph of a data set.

    Attributes
    ----------
    name
        As the metadata names it, or the path as the user gave it.
    path
        The file, ready to be opened.
    pixel_size
        Å.
    listed
        Where it is listed, for messages: a table's row and file; empty where files were given.
    """

    name: str
    path: Path
    pixel_size: float
    listed: str = field(default="", compare=False)


@dataclass(frozen=True, eq=False)
class MicrographImage:
    """The pixels of a micrograph.

    Attributes
    ----------
    pixels
        (ny, nx) float32, finite everywhere, in the file's grey values; less their median where that
        is so large that sums of them would lose the contrast.
    valid
        (ny, nx) bool; False where the file has no finite number, or in saturated patches, dead
        lines and constant borders. `pixels` holds noise there, with the mean and the standard
        deviation of the ice around.
    remarks
        Sentences on what is not valid.
    """

    pixels: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    remarks: tuple[str, ...]


def list_micrographs(
    source: Path | Sequence[Path], pixel_size: float | None = None
) -> list[Micrograph]:
    """List the micrographs of a data set, each file once; pixels are not read.

    Parameters
    ----------
    source
        A micrographs STAR file of RELION 3.0 or later, a folder, whose images are taken in the
        order of their names, or image files. Masks and power spectra that lie beside their
        micrograph in a folder are passed over.
    pixel_size
        Å; it goes before what the STAR file says, and that before the images' own headers.

    Raises
    ------
    IceblockError
        Where nothing is found or a pixel size is unknown. A missing file that a STAR file names
        is an error when it is read.
    """
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise IceblockError(f"the pixel size {pixel_size:g} is not above 0; give it in Å")
    sources = [source] if isinstance(source, Path) else list(source)
    if not sources:
        raise IceblockError("no micrographs are given; name a micrographs STAR file or images")
    found: dict[Path, Micrograph] = {}
    for one in sources:
        for micrograph in _list_one(one, pixel_size):
            found.setdefault(micrograph.path.absolute(), micrograph)
    return list(found.values())


def read_micrograph(micrograph: Micrograph) -> MicrographImage:
    """Read the pixels of a micrograph and fill what is not valid in them.

    Rows are those of RELION's coordinates: the first row of an MRC file, and the last of a TIFF
    file, which RELION, IMOD and EMAN2 read from its end, is row 0.

    Raises
    ------
    IceblockError
        For a file that is missing, holds no single image, or of which less than half is valid.
    """
    _check_exists(micrograph)
    pixels = read_image(micrograph.path).pixels
    if micrograph.path.suffix.lower() in TIFF_SUFFIXES:
        pixels = np.ascontiguousarray(pixels[::-1])
    if min(pixels.shape) < _SMALLEST:
        raise IceblockError(
            f"{micrograph.path} has {pixels.shape[1]} x {pixels.shape[0]} pixels, which is no "
            "micrograph; leave it out or make it again"
        )
    _remove_offset(pixels)
    invalid, remarks = find_defects(pixels)
    part = 1 - np.count_nonzero(invalid) / invalid.size
    if part < _LEAST_VALID:
        why = f" ({'; '.join(remarks)})"
        raise IceblockError(
            f"{micrograph.path} is unusable: {100 * part:.0f} % of its pixels hold an image{why}; "
            "leave it out or make it again"
        )
    if remarks:
        fill_defects(pixels, invalid, seed=micrograph.path.name)
    return MicrographImage(pixels, np.logical_not(invalid, out=invalid), tuple(remarks))


def _remove_offset(pixels: npt.NDArray[np.float32]) -> None:
    """Take off, in place, a constant that dwarfs the contrast: float32 has seven digits."""
    sample = pixels[::7, ::7]
    sample = sample[np.isfinite(sample)]
    if not sample.size:
        return
    lower, median, upper = np.percentile(sample, (25, 50, 75), method="lower")
    if abs(median) > _OFFSET * max(1.0, float(upper) - float(lower)):
        with np.errstate(over="ignore", invalid="ignore"):
            pixels -= median


def _list_one(source: Path, pixel_size: float | None) -> list[Micrograph]:
    if source.suffix.lower() == ".star":
        return _from_star(source, pixel_size)
    files = _images_in(source) if source.is_dir() else [source]
    return [_from_file(path, pixel_size) for path in files]


def _images_in(folder: Path) -> list[Path]:
    files = sorted(
        path
        for path in folder.iterdir()
        if path.suffix.lower() in IMAGE_SUFFIXES - {".mrcs"} and not path.name.startswith(".")
    )
    stems = {path.stem.lower() for path in files}
    files = [path for path in files if not _lies_beside(path.stem.lower(), stems)]
    if not files:
        known = ", ".join(sorted(IMAGE_SUFFIXES - {".mrcs"}))
        raise IceblockError(
            f"{folder} holds no micrographs (files that end in {known}); name "
            "another folder or a micrographs STAR file"
        )
    return files


def _lies_beside(stem: str, stems: set[str]) -> bool:
    return any(stem.endswith(end) and stem.removesuffix(end) in stems for end in _BESIDE)


def _from_file(path: Path, pixel_size: float | None) -> Micrograph:
    quote(path.as_posix())  # refuses a name that cannot be written into a STAR file
    micrograph = Micrograph(path.as_posix(), path, 0.0)
    _check_exists(micrograph)
    size = pixel_size or _from_header(micrograph)
    return Micrograph(micrograph.name, path, size)


def _from_star(source: Path, pixel_size: float | None) -> list[Micrograph]:
    star = StarFile.read(source)
    table = find_micrographs(star)
    names = [unquote(token) for token in table.column(NAME)]
    root = root_of_most(source, [file_of(name) for name in dict.fromkeys(names)], "micrograph")
    sizes, sure = None, False
    if pixel_size is None:
        sizes, sure = pixel_sizes(read_optics(star, table))
    rows = {name: row for row, name in reversed(list(enumerate(names)))}
    micrographs = []
    for name in dict.fromkeys(names):
        quote(name)
        row = rows[name]
        listed = f"row {row + 1} of {table.name} in {source}"
        micrograph = Micrograph(name, root / file_of(name), 0.0, listed)
        size = pixel_size
        if size is None and sizes is not None and sure:
            size = float(sizes[row])
        if size is None:
            size = _from_header(micrograph, None if sizes is None else float(sizes[row]))
        micrographs.append(Micrograph(name, micrograph.path, size, listed))
    return micrographs


def _from_header(micrograph: Micrograph, otherwise: float | None = None) -> float:
    """Give the pixel size that the image itself states; 1.0 and absurd ones stand for none."""
    _check_exists(micrograph)
    size = header_pixel_size(micrograph.path)
    if size != 1.0 and 0.05 < size < 100:
        return size
    if otherwise is not None:
        return otherwise
    said = f"its header says {size:g} Å, which stands for an unknown one"
    raise IceblockError(
        f"the pixel size of {micrograph.path} is not known ({said}); give --pixel-size in Å"
    )


def _check_exists(micrograph: Micrograph) -> None:
    if not is_file(micrograph.path):
        where = f", named in {micrograph.listed}," if micrograph.listed else ""
        raise IceblockError(f"{micrograph.path}{where} is not a file; put it back or leave it out")
