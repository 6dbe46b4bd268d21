"""Tables of micrographs in RELION's STAR files: their rows, pixel sizes, and where paths start."""

import contextlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..project_root import find_root
from ..star.document import StarFile
from ..star.optics import Optics
from ..star.table import StarTable
from ..star.tokens import is_missing

NAME = "_rlnMicrographName"


def find_micrographs(star: StarFile) -> StarTable:
    """Find the table that names micrographs, each row with a name.

    Raises
    ------
    IceblockError
        For a file without such a table, an empty one, and a row without a name.
    """
    table = star.find(NAME, block="micrographs") or star.find(NAME)
    if table is None:
        what = (
            "lists movies: align them first"
            if star.find("_rlnMicrographMovieName")
            else ("has no column rlnMicrographName")
        )
        raise IceblockError(f"{star.path} {what} and name a STAR file of micrographs")
    missing = [row for row, token in enumerate(table.column(NAME), 1) if is_missing(token)]
    if missing:
        raise IceblockError(
            f"{star.path}: row {missing[0]} of {table.name} has no rlnMicrographName; take the "
            "row out or fill it in"
        )
    if len(table) == 0:
        raise IceblockError(f"{star.path} has no micrographs: {table.name} is empty")
    return table


def pixel_sizes(optics: Optics) -> tuple[npt.NDArray[np.float64] | None, bool]:
    """Give (N,) Å or None, and whether they are surely those of the micrographs.

    In a table of particles the size before binning, and the detector's size over the
    magnification, which extraction changes, need not be the micrographs'.
    """
    sizes = optics.positive("_rlnMicrographPixelSize")
    if sizes is not None:
        return sizes, True
    sure = "_rlnImageName" not in optics.particles
    sizes = optics.positive("_rlnMicrographOriginalPixelSize")
    magnification = optics.floats("_rlnMagnification")
    # 0 is how some programs leave it unset.
    if sizes is None and magnification is not None and magnification.any():
        detector = optics.positive("_rlnDetectorPixelSize")
        magnification = optics.positive("_rlnMagnification")
        if detector is not None and magnification is not None:
            sizes = detector * 1e4 / magnification
    return sizes, sure


def root_of_most(source: Path, names: Sequence[str], kind: str) -> Path:
    """Find the folder that relative names start from, even if some files are missing.

    Parameters
    ----------
    source
        The STAR file.
    names
        Paths as it names them.
    kind
        What the files are, for the message.

    Raises
    ------
    IceblockError
        Where names are relative and none of the files is found from any folder.
    """
    with contextlib.suppress(IceblockError):
        return find_root(source, names)
    roots: Counter[Path] = Counter()
    for name in names:
        if not Path(name).is_absolute():
            with contextlib.suppress(IceblockError):
                roots[find_root(source, [name])] += 1
    if roots:
        return roots.most_common(1)[0][0]
    missing = next(name for name in names if not Path(name).is_absolute())
    raise IceblockError(
        f"{source} names the {kind} {missing}, which is neither in the current folder, "
        f"{Path.cwd()}, nor in any folder above the STAR file; give the command in the project "
        "folder, where these paths start"
    )
