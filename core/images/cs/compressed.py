"""CryoSPARC's compressed tables (format 2, CSDAT), read without believing what they promise.

After the mark stand the length of a JSON header, the header (rows, fields, which are compressed),
for each field its length and its values, and at last all texts, each ended by a zero. A field of
texts holds their places. CryoSPARC's package unpacks fields; its reader of whole files follows
places and lengths wherever they lead, and a damaged file brings the process down.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .kinds import Records

MARK = b"\x95CSDAT"
# LZ4 packs no better than this.
_RATIO = 255
_TEXT = "|O"
_PLAIN = re.compile(r"[<>|=]?[a-zA-Z]\d{0,9}")


def unpack(data: bytes) -> Records:
    """Read a table.

    Parameters
    ----------
    data
        All of the file.

    Returns
    -------
    records
        (N,) rows; texts as bytes, one wider than the longest, as CryoSPARC has them.

    Raises
    ------
    ValueError
        For a file that is cut short or contradicts itself.
    ImportError
        Without the package cryosparc-tools.
    """
    take = _Reader(data[len(MARK) :]).take
    header = _header(take(int.from_bytes(take(4), "little")))
    count, fields = header["length"], header["dtype"]
    columns: dict[str, npt.NDArray[Any]] = {}
    texts = []
    for name, kind, *shape in fields if count else ():
        column = np.dtype((np.uint64 if kind == _TEXT else kind, tuple(shape[0]) if shape else ()))
        if column.hasobject or not column.itemsize or column.names or name in columns:
            raise ValueError(f"the field {name} holds no plain values")
        packed = take(int.from_bytes(take(4), "little"))
        size = count * column.itemsize
        if name in header["compressed_fields"]:
            packed = _decompress(packed, size)
        if len(packed) != size:
            raise ValueError(f"the field {name} has {len(packed)} bytes and not {size}")
        columns[name] = np.frombuffer(packed, column)
        texts += [name] if kind == _TEXT else []
    heap = take(None)
    for name in texts:
        columns[name] = _texts(columns[name], heap)
    return _records(columns, count)


class _Reader:
    """Takes bytes from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._place = data, 0

    def take(self, count: int | None) -> bytes:
        start = self._place
        end = len(self._data) if count is None else start + count
        if end > len(self._data):
            raise ValueError("the file is shorter than it says")
        self._place = end
        return self._data[start:end]


def _header(text: bytes) -> dict[str, Any]:
    try:
        header = json.loads(text)
        count, fields = header["length"], header["dtype"]
        good = isinstance(count, int) and count >= 0
        good &= all(isinstance(name, str) for name in header["compressed_fields"])
        for name, kind, *shape in fields:
            sides = shape[0] if shape else ()
            good &= isinstance(name, str) and _PLAIN.fullmatch(kind) is not None
            good &= all(isinstance(n, int) and 0 < n < 1 << 20 for n in sides)
    except (TypeError, LookupError, RecursionError) as error:
        raise ValueError("the header is no list of fields") from error
    if not good:
        raise ValueError("the header is no list of fields")
    return dict(header)


def _decompress(packed: bytes, size: int) -> bytes:
    from cryosparc.dataset import Data, Stream

    if not 0 < size <= min(_RATIO * len(packed), (1 << 31) - 1):
        raise ValueError("a field is shorter than the header says")
    unpack_into: Callable[[bytes, int, int], Any] = Stream(Data()).decompress
    return bytes(unpack_into(packed, 0, size))


def _texts(places: npt.NDArray[np.uint64], heap: bytes) -> npt.NDArray[np.bytes_]:
    """Give (N,) texts by their places among all texts."""
    if places.ndim != 1 or (places >= max(len(heap), 1)).any():
        raise ValueError("a text lies outside the file")
    different, ids = np.unique(places, return_inverse=True)
    found = [heap[place : heap.find(b"\0", place)] for place in different.tolist()]
    longest = max(map(len, found), default=0) + 1
    if heap[-1:] != b"\0" or longest * len(places) > _RATIO * len(heap) + (1 << 26):
        raise ValueError("the texts have no end")
    return np.asarray(np.array(found, dtype=f"S{longest}")[ids])


def _records(columns: dict[str, npt.NDArray[Any]], count: int) -> Records:
    kinds = [(name, column.dtype, column.shape[1:]) for name, column in columns.items()]
    records = np.empty(count, np.dtype(kinds))
    for name, column in columns.items():
        records[name] = column
    return records
