"""Coordinates of picked particles: RELION's STAR files, and those of EMAN and crYOLO."""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..disk import read_error
from ..input_file import is_file, read_whole
from ..star.document import StarFile
from ..star.table import StarTable
from ..star.tokens import is_missing, unquote
from .pick_boxes import KNOWN, READERS, helix, read_json
from .table import NAME, root_of_most

_Coordinates = npt.NDArray[np.float64]

_X, _Y = "_rlnCoordinateX", "_rlnCoordinateY"
_FILE = "_rlnMicrographCoordinates"
_TUBE = "_rlnHelicalTubeID"
_TRACK = ("_rlnHelicalTrackLengthAngst", "_rlnHelicalTrackLength")
_SUFFIX = "coords_suffix_"
_LISTS = ("autopick.star", "manualpick.star")
_START_END = re.compile(rb"^\s*do_startend\s+\"?yes", re.I | re.M)


@dataclass(frozen=True, eq=False)
class PickEntry:
    """The picks of one micrograph.

    Attributes
    ----------
    name
        What the picks call the micrograph; for a file of picks that does not say, its own path
        without the suffix.
    coordinates
        (n, 2) float64 y, x; None where the file that is listed does not exist.
    file
        The file of picks, where the name of the micrograph comes from that of the file.
    """

    name: str
    coordinates: _Coordinates | None
    file: Path | None = None


def read_entries(source: Path) -> tuple[list[PickEntry], list[str]]:
    """Read all picks of a file or folder, and give remarks on files that are missing.

    Raises
    ------
    IceblockError
        As `picks.read_picks` has it.
    """
    if source.is_dir():
        return _from_folder(source)
    suffix = source.suffix.lower()
    if suffix in READERS:
        boxes = READERS[suffix](source)
        if boxes is None:
            raise IceblockError(f"{source} holds no boxes; name {KNOWN}")
        return [PickEntry(source.with_suffix("").as_posix(), boxes, source)], []
    if suffix != ".star":
        kind = f"files that end in {source.suffix}" if source.suffix else "files without an ending"
        raise IceblockError(
            f"{source} holds no picks that can be read here ({kind} are not known); name {KNOWN}"
        )
    if source.name.startswith(_SUFFIX):
        return _from_suffix(source), []
    star = StarFile.read(source)
    listed = star.find(_FILE)
    if listed is not None:
        return _from_list(source, listed)
    return _from_table(source, star), []


def _from_folder(folder: Path) -> tuple[list[PickEntry], list[str]]:
    """Read a job's folder through its list, any other one file by file."""
    lists = [folder / name for name in _LISTS if (folder / name).is_file()]
    lists = lists or sorted(folder.glob(f"{_SUFFIX}*.star"))
    if len(lists) > 1:
        raise IceblockError(
            f"{folder} holds several sets of picks, {lists[0].name} and {lists[1].name}; name one "
            "of these files"
        )
    if lists:
        return read_entries(lists[0])
    entries: list[PickEntry] = []
    skipped: list[str] = []
    for path in sorted(folder.rglob("*")):
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in (".star", *READERS) or not path.is_file():
            continue
        bare = suffix == ".star" and StarFile.read(path).find(_X) is None
        if bare or (suffix == ".json" and read_json(path) is None):
            skipped.append(path.name)
            continue
        entries += read_entries(path)[0]
    if skipped:
        more = f" and {len(skipped) - 3} more" if len(skipped) > 3 else ""
        return entries, [f"{folder}: no coordinates in {', '.join(skipped[:3])}{more}"]
    return entries, []


def _from_list(source: Path, table: StarTable) -> tuple[list[PickEntry], list[str]]:
    """Read the list of RELION 4.0 and later: one file of picks for each micrograph."""
    _refuse_start_end(source)
    names = [unquote(token) for token in table.column(NAME)]
    files = ["" if is_missing(t) else unquote(t) for t in table.column(_FILE)]
    root = root_of_most(source, [file for file in files if file], "file of picks")
    entries, missing = [], []
    for name, file in zip(names, files, strict=True):
        path = root / file
        found = bool(file) and is_file(path)
        entries.append(PickEntry(name, _read_file(path) if found else None))
        if not found:
            missing.append(f"{file or 'none'} for {name}")
    if missing:
        return entries, [
            f"{len(missing)} of {len(entries)} files of picks that {source} lists do not exist, "
            f"the first of which is {missing[0]}"
        ]
    return entries, []


def _from_suffix(source: Path) -> list[PickEntry]:
    """Read the files of RELION 3.1, which lie beside `source` in the micrographs' own folders."""
    if not source.is_file():
        raise read_error(FileNotFoundError(), source)
    _refuse_start_end(source)
    ending = f"_{source.stem.removeprefix(_SUFFIX)}.star"
    entries = []
    for path in sorted(source.parent.rglob(f"*{ending}")):
        if path != source and not path.name.startswith("."):
            name = path.relative_to(source.parent).as_posix().removesuffix(ending)
            entries.append(PickEntry(f"{name}.mrc", _read_file(path)))
    return entries


def _from_table(source: Path, star: StarFile) -> list[PickEntry]:
    """Read a table of coordinates: of one micrograph, or of those it names."""
    table = _find_coordinates(source, star)
    coordinates = _coordinates(source, table)
    if NAME not in table:
        _refuse_tube_ends(source, table)
        return [PickEntry(source.with_suffix("").as_posix(), coordinates, source)]
    ids: dict[str, int] = {}
    # A dictionary and few calls: a set of particles can have millions of rows.
    places = np.array([ids.setdefault(token, len(ids)) for token in table.column(NAME)], np.int64)
    if any(is_missing(token) for token in ids):
        raise IceblockError(
            f"{source}: {table.name} has a row without rlnMicrographName; fill it in or take the "
            "row out"
        )
    if not ids:
        return []
    order = np.argsort(places, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(places, minlength=len(ids)))[:-1])
    return [
        PickEntry(unquote(token), coordinates[rows]) for token, rows in zip(ids, parts, strict=True)
    ]


def _read_file(path: Path) -> _Coordinates:
    if path.suffix.lower() in READERS:
        return read_entries(path)[0][0].coordinates  # type: ignore[return-value]
    star = StarFile.read(path)
    table = _find_coordinates(path, star)
    _refuse_tube_ends(path, table)
    return _coordinates(path, table)


def _find_coordinates(path: Path, star: StarFile) -> StarTable:
    table = star.find(_X, block="particles") or star.find(_X)
    if table is None:
        raise IceblockError(
            f"{path} holds no picks: none of its tables has the column rlnCoordinateX; name a "
            "file of picks or of particles"
        )
    return table


def _coordinates(path: Path, table: StarTable) -> _Coordinates:
    """Give (n, 2) y, x."""
    yx = np.stack([table.floats(_Y), table.floats(_X)], axis=1)
    wrong = ~np.isfinite(yx)
    if wrong.any():
        row, axis = np.argwhere(wrong)[0]
        raise IceblockError(
            f"{path}: row {row + 1} of {table.name} has {(_Y, _X)[axis][1:]} {yx[row, axis]}, "
            "which is no place; correct the row or take it out"
        )
    return yx


def _refuse_tube_ends(path: Path, table: StarTable) -> None:
    """Refuse two points a tube that are not segments, which a track length would mark."""
    if _TUBE not in table or len(table) == 0 or any(tag in table for tag in _TRACK):
        return
    _, counts = np.unique(table.column(_TUBE), return_counts=True)
    if (counts == 2).all():
        raise helix(path)


def _refuse_start_end(source: Path) -> None:
    """Refuse picks of a job whose settings say that they are the ends of helices."""
    job = source.parent / "job.star"
    if job.is_file() and _START_END.search(read_whole(job)):
        raise helix(source)
