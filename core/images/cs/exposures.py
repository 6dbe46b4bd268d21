"""CryoSPARC's exposures and picks as STAR files, from which other stages read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..micrographs.reader import Micrograph
from ..project_root import find_root
from ..star.writer import NewColumns, loop, write_blocks
from .kinds import Records
from .locations import Coordinates
from .table import replaced, text_column, to_text

_SLOT = "micrograph_blob/"
_PATH, _PIXEL_SIZE = f"{_SLOT}path", f"{_SLOT}psize_A"
RAW_SLOT = "raw_micrograph_blob/"
"""Of exposures that were denoised: what `micrograph_blob` was before."""
_OPTICS = {
    "rlnVoltage": (("mscope_params/accel_kv", "ctf/accel_kv"), 300.0),
    "rlnSphericalAberration": (("mscope_params/cs_mm", "ctf/cs_mm"), 2.7),
    "rlnAmplitudeContrast": (("ctf/amp_contrast",), 0.1),
}


def micrograph_paths(records: Records, source: Path) -> list[str]:
    """Give the paths of exposures from the project folder.

    Raises
    ------
    IceblockError
        Where there are no micrographs.
    """
    names = records.dtype.names or ()
    if _PATH not in names or _PIXEL_SIZE not in names:
        raise IceblockError(
            f"{source} has no micrograph_blob; name the exposures of a motion correction or of an "
            "import of micrographs"
        )
    return [to_text(path) for path in records[_PATH]]


def listed_exposures(
    records: Records, source: Path, project_dir: Path | None, pixel_size: float | None
) -> list[Micrograph]:
    """List the micrographs of exposures.

    Parameters
    ----------
    records, source
        (N,) exposures and their file.
    project_dir
        Where paths start; None for the folder in which the files are found.
    pixel_size
        Å; it goes before what the exposures say.
    """
    paths = micrograph_paths(records, source)
    files = [path.removeprefix(">") for path in paths]
    root = project_dir or find_root(source, list(dict.fromkeys(files)))
    sizes = [pixel_size or float(f"{size:.7g}") for size in records[_PIXEL_SIZE]]
    return [
        Micrograph(path, root / file, size, f"row {row} of {source}")
        for row, (path, file, size) in enumerate(zip(paths, files, sizes, strict=True), 1)
    ]


def with_denoised(
    records: Records, paths: Sequence[str], shapes: npt.NDArray[Any], sizes: npt.NDArray[Any]
) -> Records:
    """Give exposures their denoised micrographs; the raw ones go to a slot of their own.

    Parameters
    ----------
    records
        (N,) exposures.
    paths
        (N,) files from the project folder.
    shapes
        (N, 2) ny, nx.
    sizes
        (N,) Å per pixel.
    """
    mine = [name for name in records.dtype.names or () if name.startswith(_SLOT)]
    raw = {f"{RAW_SLOT}{name.removeprefix(_SLOT)}": records[name] for name in mine}
    made: dict[str, npt.NDArray[Any]] = {
        _PATH: text_column(paths, np.arange(len(paths)), records[_PATH]),
        _PIXEL_SIZE: sizes.astype(records[_PIXEL_SIZE].dtype),
    }
    for name, values in (
        ("shape", shapes), ("idx", np.zeros(len(paths))), ("import_sig", np.zeros(len(paths))),
    ):  # fmt: skip
        if f"{_SLOT}{name}" in mine:
            made[f"{_SLOT}{name}"] = values.astype(records[f"{_SLOT}{name}"].dtype.base)
    return replaced(records, {**raw, **made})


def write_micrographs(records: Records, source: Path, out: Path) -> None:
    """Write exposures as a micrographs STAR file of RELION 3.1 or later.

    Voltage, Cs and amplitude contrast are those of the first exposure, or usual ones.

    Parameters
    ----------
    records
        (N,) exposures.
    source
        For messages.
    out
        The file to make.

    Raises
    ------
    IceblockError
        For exposures of different pixel sizes, and where there are no micrographs.
    """
    paths = micrograph_paths(records, source)
    names = records.dtype.names or ()
    # The file stores float32; seven digits give the number that was meant.
    sizes = [float(f"{size:.7g}") for size in np.unique(records[_PIXEL_SIZE])]
    if len(sizes) > 1:
        raise IceblockError(
            f"{source} has pixel sizes from {sizes[0]:g} to {sizes[-1]:g} Å; split the exposures "
            "in CryoSPARC and use each part by itself"
        )
    optics = {"rlnMicrographPixelSize": sizes[0]}
    for tag, (fields, otherwise) in _OPTICS.items():
        known = [field for field in fields if field in names]
        optics[tag] = float(records[known[0]][0]) if known else otherwise
    one = {tag: [f"{value:.7g}"] for tag, value in optics.items()}
    group: NewColumns = {"rlnOpticsGroup": [1], "rlnOpticsGroupName": ["opticsGroup1"], **one}
    rows: NewColumns = {"rlnMicrographName": paths, "rlnOpticsGroup": [1] * len(paths)}
    write_blocks(out, loop("optics", group), loop("micrographs", rows))


def write_picks(picks: Mapping[str, Coordinates], out: Path) -> None:
    """Write picks as a STAR file with the name of the micrograph in each row.

    Parameters
    ----------
    picks
        As `cs_locations.locations` gives them.
    out
        The file to make.
    """
    rows = [(name, *place) for name, places in picks.items() for place in places.tolist()]
    columns = {
        "rlnMicrographName": [name for name, _, _ in rows],
        "rlnCoordinateX": [f"{x:.3f}" for _, _, x in rows],
        "rlnCoordinateY": [f"{y:.3f}" for _, y, _ in rows],
    }
    write_blocks(out, loop("particles", columns))
