"""Find the tables among the tokens of a STAR file."""

from itertools import pairwise
from pathlib import Path

import numpy as np

from .table import StarTable
from .tokens import Edges, StarSyntaxError

_MAY_BE_RESERVED = np.isin(np.arange(256), list(b"dDlLsS"))


def find_tables(data: bytes, edges: Edges, path: Path) -> dict[str, list[StarTable]]:
    """Give the tables of each block, by the name of the block (`""` for `data_`).

    Parameters
    ----------
    data, edges
        The bytes of the file, and (T, 2) where its tokens stand; the first one begins a block.
    path
        The file, for messages.

    Raises
    ------
    StarSyntaxError
        For a row with too few or too many values, a name that stands there twice, a save frame,
        and a value without a column.
    """
    return _Parser(data, edges, path).blocks()


class _Parser:
    def __init__(self, data: bytes, edges: Edges, path: Path) -> None:
        self._data, self._edges, self._path = data, edges, path
        self._blocks: dict[str, list[StarTable]] = {}
        self._block = ""
        self._seen: set[str] = set()
        self._pairs: list[int] = []
        self._header: list[int] | None = None

    def blocks(self) -> dict[str, list[StarTable]]:
        marks = _marks(self._data, self._edges)
        for at, following in pairwise([*marks, len(self._edges)]):
            word = self._word(at)
            if word[:1] == "_":
                self._add_tag(at, following)
            elif following > at + 1:
                raise self._error(at + 1, "a value without a column")
            elif word == "loop_":
                self._header = []
            elif word[:5] == "data_":
                self._end_block()
                self._begin_block(at)
            elif word != "stop_":
                raise self._error(at, "a save frame, which is not part of a STAR table")
        self._end_block()
        return self._blocks

    def _begin_block(self, at: int) -> None:
        self._block = self._text(at)[5:]
        self._refuse_twice(at, self._word(at), {f"data_{name}".lower() for name in self._blocks})
        self._blocks[self._block], self._seen = [], set()

    def _end_block(self) -> None:
        if self._pairs:
            values = self._edges[[at + 1 for at in self._pairs]]
            self._add_table(self._pairs, values[None], is_loop=False)
        self._pairs, self._header = [], None

    def _add_tag(self, at: int, following: int) -> None:
        self._refuse_twice(at, self._word(at), self._seen)
        self._seen.add(self._word(at))
        values = following - at - 1
        if self._header is None:
            if values != 1:
                raise self._error(at, f"{self._text(at)} with {values} values in place of one")
            self._pairs.append(at)
            return
        self._header.append(at)
        if values or following == len(self._edges) or self._word(following)[:1] != "_":
            width = len(self._header)
            if values % width:
                raise self._ragged(at + 1, following, width)
            rows = self._edges[at + 1 : following].reshape(-1, width, 2)
            self._add_table(self._header, rows, is_loop=True)
            self._header = None

    def _add_table(self, tags: list[int], values: Edges, is_loop: bool) -> None:
        words = [self._text(at) for at in tags]
        name, places = f"data_{self._block}", self._edges[tags]
        table = StarTable(self._path, self._data, name, words, places, values, is_loop)
        self._blocks[self._block].append(table)

    def _ragged(self, first: int, last: int, width: int) -> StarSyntaxError:
        """Name the first line of a table that has another number of values than others."""
        starts = self._edges[first:last, 0]
        begin, end = int(starts[0]), int(starts[-1])
        newlines = np.flatnonzero(np.frombuffer(self._data[begin:end], np.uint8) == ord("\n"))
        _, rows, counts = np.unique(
            np.searchsorted(newlines + begin, starts), return_index=True, return_counts=True
        )
        odd = int(np.flatnonzero(counts != width)[0])
        message = (
            f"has {counts[odd]} values where the table has {width} columns; the file may have been "
            "cut short: correct it"
        )
        return StarSyntaxError(int(starts[rows[odd]]), message)

    def _refuse_twice(self, at: int, word: str, seen: set[str]) -> None:
        if word in seen:
            message = f"names {self._text(at)}, which stands there twice; remove one of them"
            raise StarSyntaxError(int(self._edges[at, 0]), message)

    def _error(self, at: int, what: str) -> StarSyntaxError:
        return StarSyntaxError(int(self._edges[at, 0]), f"cannot be read as STAR: it has {what}")

    def _text(self, at: int) -> str:
        start, stop = self._edges[at].tolist()
        return self._data[start:stop].decode("utf-8", "surrogateescape")

    def _word(self, at: int) -> str:
        return self._text(at).lower()


def _marks(data: bytes, edges: Edges) -> list[int]:
    """Give the places of the tokens that are tags or reserved words."""
    view, starts = np.frombuffer(data, np.uint8), edges[:, 0]
    firsts = view[starts]
    places = np.flatnonzero(_MAY_BE_RESERVED[firsts])
    fifths = np.minimum(starts[places].astype(np.int64) + 4, len(data) - 1)
    places = places[view[fifths] == ord("_")]
    words = [
        at
        for at, (start, stop) in zip(places.tolist(), edges[places].tolist(), strict=True)
        if data[start : start + 5].lower() in (b"data_", b"save_")
        or data[start:stop].lower() in (b"loop_", b"stop_")
    ]
    return sorted([*np.flatnonzero(firsts == ord("_")).tolist(), *words])
