"""Coordinates of picked particles in the files of EMAN (.box, .json) and crYOLO (.cbox).

All give pixels from the first pixel of the first row of an MRC file, x before y.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ...remarks import warn
from ..input_file import read_whole
from ..star.document import StarFile

_Coordinates = npt.NDArray[np.float64]

_CONFIDENT = 0.3
"""crYOLO's own threshold: a .cbox file keeps what it is less sure of as well."""
_CORNER = ("_CoordinateY", "_CoordinateX")
_SIDES = ("_Height", "_Width")


def read_box(path: Path) -> _Coordinates:
    """Read EMAN's .box: x and y of the first pixel of a box, its width and height.

    Returns
    -------
    centres
        (n, 2) y, x.

    Raises
    ------
    IceblockError
        For a line that is no box, and for boxes that mark the ends of helices.
    """
    yx = []
    for number, line in enumerate(_text(path).splitlines(), 1):
        fields = line.split("#")[0].replace(",", " ").split()
        if not fields:
            continue
        try:
            values = np.array(fields, dtype=np.float64)
        except ValueError:
            values = np.array([])
        if len(values) < 4 or not np.isfinite(values[:4]).all():
            raise IceblockError(
                f"{path}: line {number} is not x, y, width and height of a box; correct it"
            )
        if len(values) > 4 and values[4] in (-1, -2):
            raise helix(path)
        yx.append((values[1] + values[3] / 2, values[0] + values[2] / 2))
    return np.array(yx, dtype=np.float64).reshape(-1, 2)


def read_cbox(path: Path) -> _Coordinates:
    """Read crYOLO's .cbox: the first pixel and the sides of each box, and its confidence.

    Returns
    -------
    centres
        (n, 2) y, x of the boxes with a confidence of 0.3 or more, which is crYOLO's threshold.

    Raises
    ------
    IceblockError
        For a file without such a table, and for a box that is nowhere.
    """
    table = StarFile.read(path).find(_CORNER[1], block="cryolo")
    if table is None or any(tag not in table for tag in (*_CORNER, *_SIDES)):
        raise IceblockError(
            f"{path} holds no boxes of crYOLO (a table data_cryolo with _CoordinateX, "
            "_CoordinateY, _Width and _Height); name a .cbox file that crYOLO wrote"
        )
    corner, sides = (np.stack([table.floats(t) for t in tags], 1) for tags in (_CORNER, _SIDES))
    centres = corner + sides / 2
    wrong = ~np.isfinite(centres).all(axis=1)
    if wrong.any():
        raise IceblockError(f"{path}: row {int(np.argmax(wrong)) + 1} of {table.name} is no box")
    if "_Confidence" not in table:
        return centres
    sure = ~(table.floats("_Confidence") < _CONFIDENT)
    if not sure.all():
        warn(
            f"the .cbox files in {path.parent} hold boxes of a confidence below {_CONFIDENT:g}, "
            "crYOLO's own threshold, which are left out; give crYOLO's STAR or .box files for "
            "another threshold"
        )
    return centres[sure]


def read_json(path: Path) -> _Coordinates | None:
    """Read the `boxes` of EMAN2's .json (x and y of the centre first); None where it has none.

    Returns
    -------
    centres
        (n, 2) y, x.

    Raises
    ------
    IceblockError
        For a file that is no JSON, and for a box that is nowhere.
    """
    try:
        data: Any = json.loads(_text(path))
    except (ValueError, RecursionError) as error:
        raise IceblockError(f"{path} is no JSON file; make it again with e2boxer.py") from error
    boxes = data.get("boxes") if isinstance(data, dict) else None
    if not isinstance(boxes, list):
        return None
    try:
        xy = np.array([[float(box[0]), float(box[1])] for box in boxes], np.float64).reshape(-1, 2)
    except (TypeError, ValueError, LookupError, OverflowError):
        xy = np.full((1, 2), np.nan)
    if not np.isfinite(xy).all():
        raise IceblockError(f"{path}: boxes are not x, y of each particle; correct the file")
    return np.ascontiguousarray(xy[:, ::-1])


READERS: dict[str, Callable[[Path], _Coordinates | None]] = {
    ".box": read_box,
    ".cbox": read_cbox,
    ".json": read_json,
}
"""By the ending of the file."""
KNOWN = "a STAR file, an EMAN .box or .json file, a crYOLO .cbox file, or a folder of them"


def helix(path: Path) -> IceblockError:
    """Make the error for picks that are the ends of helices."""
    return IceblockError(
        f"{path} holds the two ends of each helix, and what lies between them is not picked; "
        "extract the segments and name their particles STAR file"
    )


def _text(path: Path) -> str:
    try:
        return read_whole(path).decode()
    except UnicodeDecodeError as error:
        raise IceblockError(f"{path} is no text; name {KNOWN}") from error
