"""The columns of a STAR file by which denoised micrographs know their raw ones."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from .document import StarFile

Floats = npt.NDArray[np.float64]

RAW = "_rlnIceblockRawMicrographName"
"""What was denoised."""
SCALE = "_rlnIceblockRawScale"
"""Raw pixels in one of the denoised micrograph: coordinates times this are those in the raw one."""
_SIZE, _ORIGINAL = "_rlnMicrographPixelSize", "_rlnMicrographOriginalPixelSize"
_MAGNIFICATION = "_rlnMagnification"


def scaled_optics(path: Path, note: str | None) -> None:
    """Give the optics groups of denoised micrographs the pixel size of the files.

    Parameters
    ----------
    path
        A STAR file of micrographs with the columns of this module; it is replaced.
    note
        The comment line at its top; None for none.
    """
    star = StarFile.read(path)
    rows = star.find(SCALE)
    assert rows is not None
    scales = rows.floats(SCALE)
    table = star.find(_SIZE) or star.find(_ORIGINAL) or star.find(_MAGNIFICATION)
    if table is None:  # the pixel size is that of the headers
        return
    mine = scales
    if table.name != rows.name:
        mine = _of_groups(table.column("_rlnOpticsGroup"), rows.column("_rlnOpticsGroup"), scales)
    if _SIZE in table or _ORIGINAL in table:
        sizes = table.floats(_SIZE if _SIZE in table else _ORIGINAL) * mine
        columns = {_SIZE: [f"{size:.6f}" for size in sizes]}
    else:
        columns = {_MAGNIFICATION: [f"{m:.6f}" for m in table.floats(_MAGNIFICATION) / mine]}
    star.write(path, note, table, columns)


def _of_groups(groups: list[str], of_row: list[str], scales: Floats) -> Floats:
    """Give the scale of each optics group; 1 for one without micrographs."""
    first = {group: row for row, group in reversed(list(enumerate(of_row)))}
    return np.array([scales[first[group]] if group in first else 1.0 for group in groups])
