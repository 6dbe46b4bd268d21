"""Tables of CryoSPARC (`.cs`): rows with named, typed fields, each known by its uid.

A file of format 1 is a NumPy array of records and needs NumPy only. Format 2 (CSDAT) is compressed
and needs CryoSPARC's own package. Fields are named `slot/field`; texts are bytes that are
padded with zeros to the width of their field. Format 1 is what is written: every version reads it.
"""

import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..array_file import read_array
from ..disk import read_error, replacing
from ..input_file import open_input, read_whole, refuse_beyond_memory
from .compressed import MARK, unpack
from .kinds import Records, refuse_odd_kinds

UID = "uid"

_FORMAT_1 = b"\x93NUMPY"


def read_table(path: Path) -> Records:
    """Read a table in either format.

    Raises
    ------
    IceblockError
        For a file that is missing, no .cs file, cut short, without uids or with one uid twice, and
        for format 2 without the package cryosparc-tools.
    """
    with open_input(path) as file:
        magic = file.read(len(_FORMAT_1))
        if magic == _FORMAT_1:
            file.seek(0)
            size = os.fstat(file.fileno()).st_size
            refuse_beyond_memory(path, size)
            try:
                return checked(plain(read_array(file, size)), path)
            except OSError as error:
                raise read_error(error, path) from error
            except ValueError as error:
                raise _unreadable(path) from error
    if magic == MARK:
        return checked(_read_compressed(path), path)
    if not magic:
        raise IceblockError(f"{path} is empty; make or copy it again")
    raise IceblockError(
        f"{path} is not a .cs file (it begins as neither of its two formats does); name a particle "
        "set of CryoSPARC"
    )


def write_table(records: Records, path: Path) -> None:
    """Write a table in format 1, whole or not at all."""
    with replacing(path) as file, warnings.catch_warnings():
        # A long list of fields asks for a header that NumPy reads from 1.17 on.
        warnings.filterwarnings("ignore", message="Stored array in format 2.0")
        # NumPy's short cut for files, which this avoids, loses the reason of a failing write.
        writer = SimpleNamespace(write=file.write)
        np.lib.format.write_array(cast("Any", writer), records, allow_pickle=False)


def plain(records: npt.NDArray[Any]) -> Records:
    """Give records as a plain array, without the attributes that some of NumPy's kinds add."""
    array = np.asarray(records)
    if array.dtype.names is None:
        return array
    return array.view(np.dtype([_describe(name, array[name]) for name in array.dtype.names]))


def checked(records: Records, source: Path) -> Records:
    """Refuse what is no table with one uid for each row; give the records back."""
    if records.dtype.names is None or records.ndim != 1:
        raise IceblockError(f"{source} holds numbers and no table; name a particle set (.cs)")
    if len(records) == 0:
        raise IceblockError(f"{source} has no particles: it is empty; select some particles first")
    if UID not in records.dtype.names:
        raise IceblockError(
            f"{source} has no uid, by which CryoSPARC knows its particles; name a .cs file that "
            "CryoSPARC wrote"
        )
    refuse_odd_kinds(records, source)
    uids = records[UID]
    _, first, places = np.unique(uids, return_index=True, return_inverse=True)
    again = np.flatnonzero(first[places] != np.arange(len(uids)))
    if again.size:
        row, before = int(again[0]), int(first[places[again[0]]])
        raise IceblockError(
            f"{source}: rows {before + 1} and {row + 1} have the same uid, {uids[row]}; remove the "
            "duplicate particles in CryoSPARC first"
        )
    return records


def rows_of_uids(
    wanted: npt.NDArray[np.uint64], records: Records, source: Path, asking: Path
) -> npt.NDArray[np.int64]:
    """Find the row of each uid in a table.

    Parameters
    ----------
    wanted
        (M,) uids.
    records, source
        The table and its file.
    asking
        The file that the uids come from, for messages.

    Returns
    -------
    rows
        (M,) 0-based rows.

    Raises
    ------
    IceblockError
        For uids that the table does not have; it tells how many and the first.
    """
    order = np.argsort(records[UID], kind="stable")
    known = records[UID][order]
    rows = order[np.searchsorted(known, wanted).clip(max=len(known) - 1)]
    missing = np.flatnonzero(records[UID][rows] != wanted)
    if missing.size:
        row = int(missing[0])
        raise IceblockError(
            f"{source} does not have {missing.size} of the {len(wanted)} particles of {asking}; "
            f"the first is uid {wanted[row]} (row {row + 1}): name the set that they come from"
        )
    return np.asarray(rows, dtype=np.int64)


def joined(records: Records, source: Path, others: Sequence[Path]) -> Records:
    """Add, by uid, the fields that further files have and the table has not.

    Parameters
    ----------
    records, source
        The table and its file; its rows and their order stay.
    others
        Files such as `J24_passthrough_particles.cs`; they may have more rows.
    """
    for other in others:
        table = read_table(other)
        rows = rows_of_uids(records[UID], table, other, source)
        names = records.dtype.names or ()
        new = [name for name in table.dtype.names or () if name not in names]
        records = replaced(records, {name: table[name][rows] for name in new})
    return records


def replaced(records: Records, fields: Mapping[str, npt.NDArray[Any] | None]) -> Records:
    """Give a table with other values in some fields, all others being untouched.

    Parameters
    ----------
    records
        (N,) rows.
    fields
        For each field its (N, …) values, whose type becomes the field's, or None to take it out. A
        new field comes after the last one of its slot, or last.
    """
    columns = {name: records[name] for name in records.dtype.names or ()}
    for name, values in fields.items():
        if values is None:
            columns.pop(name, None)
        elif name in columns:
            columns[name] = values
        else:
            columns = _inserted(columns, name, values)
    dtype = np.dtype([_describe(name, values) for name, values in columns.items()])
    made = np.empty(len(records), dtype)
    for name, values in columns.items():
        made[name] = values
    return made


def to_text(value: bytes | str) -> str:
    """Give the text of one value of a text field."""
    return value.decode("utf-8", "surrogateescape") if isinstance(value, bytes) else str(value)


def text_column(
    texts: Sequence[str], ids: npt.NDArray[np.integer[Any]], old: npt.NDArray[Any]
) -> npt.NDArray[np.bytes_]:
    """Make a text field that is as wide as the old one, or wider where a text needs it.

    Parameters
    ----------
    texts
        The different texts.
    ids
        (N,) places in `texts`.
    old
        The field that is replaced.
    """
    encoded = [text.encode("utf-8", "surrogateescape") for text in texts]
    # One zero more than the longest text, as CryoSPARC writes them.
    width = max(1 + max(map(len, encoded)), old.dtype.itemsize if old.dtype.kind == "S" else 0)
    return np.asarray(np.array(encoded, dtype=f"S{width}")[ids])


def _inserted(
    columns: dict[str, npt.NDArray[Any]], name: str, values: npt.NDArray[Any]
) -> dict[str, npt.NDArray[Any]]:
    slot = name.partition("/")[0] + "/"
    names = list(columns)
    mates = [place for place, other in enumerate(names) if other.startswith(slot)]
    place = mates[-1] + 1 if mates else len(names)
    items = list(columns.items())
    return dict([*items[:place], (name, values), *items[place:]])


def _describe(name: str, values: npt.NDArray[Any]) -> tuple[str, np.dtype[Any], tuple[int, ...]]:
    return name, values.dtype, values.shape[1:]


def _read_compressed(path: Path) -> Records:
    try:
        return unpack(read_whole(path))
    except ImportError as error:
        raise IceblockError(
            f"{path} is a compressed .cs file (format 2), which needs the package cryosparc-tools; "
            "install iceblock[cryosparc]"
        ) from error
    except (ValueError, TypeError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> IceblockError:
    return IceblockError(
        f"{path} cannot be read as a .cs file; it may have been cut short: make or copy it again"
    )
