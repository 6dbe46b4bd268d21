"""Put the raw micrographs of picks back that were made on denoised ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath

import numpy as np

from ..errors import IceblockError
from ..images.cs.locations import raw_locations
from ..images.cs.table import read_table, write_table
from ..images.disk import write_file
from ..images.micrographs.formats import read_image
from ..images.micrographs.raw_names import RawMicrograph, RawNames, raw_of_table, without_job
from ..images.star.document import StarFile
from ..images.star.micrograph_links import RAW, SCALE, scaled_optics
from ..images.star.raw_links import RAW as RAW_IMAGE
from ..images.star.table import StarTable
from ..images.star.tokens import quote, unquote
from ..remarks import warn

NAME, FILE, IMAGE = "_rlnMicrographName", "_rlnMicrographCoordinates", "_rlnImageName"
PLACES = ("_rlnCoordinateX", "_rlnCoordinateY")
SUFFIX = "coords_suffix_"


def picks_restorer(denoised: Path) -> Callable[[Path, Path], int] | None:
    """Choose what puts the raw micrographs back; None for a file that names no denoised ones.

    Parameters
    ----------
    denoised
        Picks, particles with coordinates, or the denoised micrographs' own table.

    Returns
    -------
    restore
        Takes `denoised` and the file to make, and gives the number of micrographs or rows.
    """
    if denoised.suffix.lower() == ".cs":
        return _locations if _cs_names_denoised(denoised) else None
    if denoised.suffix.lower() != ".star" or not denoised.is_file():
        return None
    if denoised.name.startswith(SUFFIX):
        return _suffix
    star = StarFile.read(denoised)
    if star.find(RAW) is not None:
        return _table
    table = star.find(NAME)
    if table is None or RAW_IMAGE in table or not len(table):
        return None
    root = _root(denoised, unquote(table.column(NAME)[0]))
    if RawNames(root).of(unquote(table.column(NAME)[0])) is None:
        return None
    return _list if FILE in table else _rows


def _table(denoised: Path, out: Path) -> int:
    """Restore a table of micrographs."""
    star = StarFile.read(denoised)
    table = star.find(RAW)
    assert table is not None
    scales = table.floats(SCALE) if SCALE in table else np.ones(len(table))
    columns: dict[str, list[str] | None] = {NAME: table.column(RAW), RAW: None}
    if SCALE in table:
        columns[SCALE] = [f"{1 / scale:.9g}" for scale in scales]
    star.write(out, None, table, columns)
    if SCALE in table:
        if (scales != 1).any():
            scaled_optics(out, None)
        made = StarFile.read(out)
        rows = made.find(SCALE)
        made.write(out, None, rows, {SCALE: None})
    return len(table)


def _rows(denoised: Path, out: Path) -> int:
    """Restore particles or picks whose rows have coordinates."""
    star = StarFile.read(denoised)
    table = star.find(NAME)
    assert table is not None
    names = [unquote(token) for token in table.column(NAME)]
    known = RawNames(_root(denoised, names[0]))
    raw = {name: known.required(name, denoised) for name in dict.fromkeys(names)}
    scales = np.array([raw[name].scale for name in names])
    columns = {NAME: [quote(raw[name].name) for name in names], **_scaled(table, scales)}
    star.write(out, None, table, columns)
    if IMAGE in table:
        warn(
            f"{denoised}: its images were extracted from denoised micrographs and stay what they "
            "are; extract the particles again, with these coordinates and the raw micrographs"
        )
    return len(names)


def _list(denoised: Path, out: Path) -> int:
    """Restore the list of RELION 4 and 5; files of picks are copied where coordinates change."""
    star = StarFile.read(denoised)
    table = star.find(FILE)
    assert table is not None
    names = [unquote(token) for token in table.column(NAME)]
    files = [unquote(token) for token in table.column(FILE)]
    root = _root(denoised, names[0])
    known = RawNames(root)
    raw = [known.required(name, denoised) for name in names]
    made = []
    folder = out.parent / f"{out.stem}_coordinates"
    for one, file in zip(raw, files, strict=True):
        if one.scale == 1 or not (root / file).is_file():
            made.append(file)
            continue
        copy = folder / without_job(file)
        _copy_scaled(root / file, copy, one.scale)
        made.append(copy.as_posix())
    columns = {NAME: [quote(one.name) for one in raw], FILE: [quote(file) for file in made]}
    star.write(out, None, table, columns)
    return len(names)


def _suffix(denoised: Path, out: Path) -> int:
    """Restore the suffix file of RELION 3.1 with the files of picks that lie beside it.

    The text of a suffix file is the path of the micrographs' table. The raw one of that table is
    written beside `out`.
    """
    if not out.name.startswith(SUFFIX) or out.parent.resolve() == denoised.parent.resolve():
        raise IceblockError(
            f"{out} must be a file {SUFFIX}NAME.star in a folder of its own, such as "
            f"Restored/{denoised.name}: RELION looks for the picks beside it"
        )
    said = denoised.read_text().strip()
    root = _root(denoised, said)
    table = root / said
    known = raw_of_table(table) if table.is_file() else {}
    if not known:
        raise IceblockError(
            f"{denoised} says that it belongs to {said or 'no table'}, which is no table of "
            "denoised micrographs: name picks that were made on denoised micrographs"
        )
    ending, new = (f"_{path.stem.removeprefix(SUFFIX)}.star" for path in (denoised, out))
    micrographs = {name: raw for name, raw in known.items() if "/" in name}
    count = 0
    for name, raw in micrographs.items():
        old = denoised.parent / f"{_bare(name)}{ending}"
        if old.is_file():
            _copy_scaled(old, out.parent / f"{_bare(raw.name)}{new}", raw.scale)
            count += 1
    if not count:
        raise IceblockError(f"{denoised}: no files of picks (…{ending}) lie beside it")
    raw_table = out.parent / "micrographs.star"
    _table(table, raw_table)
    write_file(out, f"{raw_table.as_posix()}\n")
    return count


def _bare(name: str) -> str:
    return PurePosixPath(without_job(name)).with_suffix("").as_posix()


def _copy_scaled(old: Path, new: Path, scale: float) -> None:
    star = StarFile.read(old)
    table = star.find(PLACES[0])
    if table is None:
        raise IceblockError(f"{old} has no rlnCoordinateX: it is no file of picks")
    star.write(new, None, table, _scaled(table, np.full(len(table), scale)))


def _scaled(table: StarTable, scales: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[
    str, list[str]
]:  # fmt: skip
    """Give the coordinates in the raw micrographs; none where nothing changes."""
    if (scales == 1).all() or not len(scales):
        return {}
    return {
        tag: [f"{value:.6f}" for value in table.floats(tag) * scales]
        for tag in PLACES
        if tag in table
    }


def _cs_names_denoised(path: Path) -> bool:
    records = read_table(path)
    names = records.dtype.names or ()
    if "location/micrograph_path" not in names:
        return False
    first = records["location/micrograph_path"][0].decode().removeprefix(">")
    return RawNames(_root(path, first)).of(first) is not None


def _locations(denoised: Path, out: Path) -> int:
    """Restore the locations of picks or particles of CryoSPARC."""
    records = read_table(denoised)
    first = records["location/micrograph_path"][0].decode().removeprefix(">")
    root = _root(denoised, first)
    known = RawNames(root)

    def shape_of(raw: RawMicrograph) -> tuple[int, ...]:
        return read_image(root / raw.name.removeprefix(">")).pixels.shape

    write_table(raw_locations(records, lambda name: known.required(name, denoised), shape_of), out)
    return len(records)


def _root(source: Path, name: str) -> Path:
    """Give the folder where names start: the current one, or one above the file that names them."""
    if Path(name).is_absolute():
        return Path("/")
    for folder in (Path(), *source.absolute().parents):
        if (folder / name).exists():
            return folder
    return Path()
