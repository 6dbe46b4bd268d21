"""Masks of pollution that a user has: read, found by name, and brought onto a micrograph's grid."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.micrographs.formats import IMAGE_SUFFIXES, TIFF_SUFFIXES, is_mrc, read_image
from ..images.micrographs.reader import MASK_ENDINGS, Micrograph

_Mask = npt.NDArray[np.bool_]

_BLURRED = frozenset({".jpg", ".jpeg"})  # they blur the edge of a mask
_STRETCH = 0.05  # how far the sides' proportions may differ from the micrograph's


def read_mask(path: Path, micrograph: Path | None = None) -> _Mask:
    """Read a mask: what is not 0 where whole numbers are stored, else the upper half of its scale.

    The scale of fractions is 0 to 1, or 0 to the largest value where that is above 1. In the signed
    bytes of IMOD, -128 stands for 0.

    Parameters
    ----------
    path
        An MRC, TIFF or PNG file of one image, of any binning. The name of an MRC file may end in
        anything, as in `.map` or `.rec`.
    micrograph
        The file it is a mask of. A picture of a TIFF micrograph shows its first row at the top,
        which is the last row of `read_micrograph`; masks painted on it are turned likewise.

    Returns
    -------
    mask : (ny, nx) bool
        True where the micrograph is not to be used.

    Raises
    ------
    IceblockError
        For a file that is missing, unreadable or holds several images.
    """
    if path.suffix.lower() in _BLURRED:
        raise IceblockError(f"{path} is no mask that can be read here; save it as MRC, TIFF or PNG")
    image = read_image(path, as_mask=True)
    if image.whole:
        mask: _Mask = image.pixels != image.zero
    else:
        mask = image.pixels > _half_scale(image.pixels)
    turned = micrograph is not None and micrograph.suffix.lower() in TIFF_SUFFIXES
    return mask[::-1] if turned and not is_mrc(path) else mask


def _half_scale(pixels: npt.NDArray[np.float32]) -> float:
    """Give the middle of the scale of a mask of fractions."""
    finite = pixels[np.isfinite(pixels)].astype(np.float64)
    if not finite.size:
        return 0.5
    lowest, largest = float(finite.min()), float(finite.max())
    middle = 0.5 * max(1.0, largest)
    # A scale that does not begin at 0, as where a constant was added.
    shifted = lowest < largest and (lowest > middle or largest < 0)
    return 0.5 * (lowest + largest) if shifted else middle


def find_masks(folder: Path, micrographs: Sequence[Micrograph]) -> dict[str, Path]:
    """Find the mask of each micrograph by its file name, as in `mic1_mask.png` for `mic1.mrc`.

    Returns
    -------
    masks
        Files by the names of the micrographs that have one.

    Raises
    ------
    IceblockError
        For a folder that is missing or holds no mask of any of the micrographs, and for two masks
        of one micrograph.
    """
    if not folder.is_dir():
        raise IceblockError(f"{folder} is not a folder; name the folder that holds the masks")
    own = {micrograph.path.absolute() for micrograph in micrographs}
    wanted = {micrograph.path.stem.lower() for micrograph in micrographs}
    masks: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        stem = _without_ending(path.stem.lower())
        other = path.name.startswith(".") or path.absolute() in own or stem not in wanted
        if other or not _may_be_mask(path):
            continue
        if stem in masks:
            raise IceblockError(
                f"{masks[stem]} and {path} are masks of one micrograph; put one of them elsewhere"
            )
        masks[stem] = path
    found = {
        micrograph.name: masks[micrograph.path.stem.lower()]
        for micrograph in micrographs
        if micrograph.path.stem.lower() in masks
    }
    if not found:
        example = micrographs[0].path.stem if micrographs else "mic1"
        raise IceblockError(
            f"{folder} holds no mask of any of the {len(micrographs)} micrographs; a mask has the "
            f"name of its micrograph, as in {example}_mask.mrc"
        )
    return found


def _may_be_mask(path: Path) -> bool:
    """Tell whether a file holds an image: by its ending, or else by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in IMAGE_SUFFIXES:
        return suffix not in _BLURRED
    return path.is_file() and is_mrc(path)


def fit_mask(mask: _Mask, shape: tuple[int, int]) -> _Mask:
    """Bring a mask onto another grid that covers the same field of view.

    On a coarser grid a pixel is True where at least half of its area is; on a finer one it takes
    the pixel below its centre.

    Parameters
    ----------
    mask : (ny, nx) bool
    shape
        Rows and columns of the other grid.

    Returns
    -------
    fitted : `shape` bool

    Raises
    ------
    IceblockError
        Where the proportions of the sides differ by more than 5 % and a pixel.
    """
    stretch = (mask.shape[0] * shape[1]) / (mask.shape[1] * shape[0])
    # Sides are whole pixels, which counts on a coarse grid.
    allowed = 1 + _STRETCH + 1 / min(shape) + 1 / min(mask.shape)
    if not 1 / allowed < stretch < allowed:
        raise IceblockError(
            f"a mask of {mask.shape[1]} x {mask.shape[0]} pixels does not cover a micrograph of "
            f"{shape[1]} x {shape[0]}: the proportions differ; use the mask of this micrograph"
        )
    rows, columns = (min(pair) for pair in zip(mask.shape, shape, strict=True))
    if (rows, columns) != mask.shape:
        area = _average(_average(mask, rows).T, columns).T
        mask = area > 0.5 - 1e-4  # rounding must not decide about exact halves
    if mask.shape == shape:
        return mask
    places = [
        ((np.arange(n) + 0.5) * m / n).astype(int) for n, m in zip(shape, mask.shape, strict=True)
    ]
    return mask[np.ix_(*places)]


def _average(values: npt.NDArray[Any], rows: int) -> npt.NDArray[np.float32]:
    """Average (n, m) values over `rows` equal parts of their n rows, whole pixels or not."""
    n = len(values)
    if rows == n:
        return values.astype(np.float32)
    # Counts of a mask are exact in float32, which halves the memory of a large one.
    sums = np.zeros((n + 1, values.shape[1]), np.float32 if values.dtype == bool else np.float64)
    np.cumsum(values, axis=0, out=sums[1:])
    edges = np.arange(rows + 1) * n / rows
    below = np.minimum(edges.astype(int), n - 1)
    part = (edges - below).astype(sums.dtype)[:, None]
    at_edges = sums[below] * (1 - part) + sums[below + 1] * part
    return np.asarray(np.diff(at_edges, axis=0) * (rows / n), dtype=np.float32)


def _without_ending(stem: str) -> str:
    ending = next((end for end in MASK_ENDINGS if stem.endswith(end)), "")
    return stem.removesuffix(ending)
