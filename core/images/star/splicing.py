"""Change columns of a table in the bytes of its file; all other bytes stay."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain, repeat

import numpy as np
import numpy.typing as npt

from .table import StarTable
from .tokens import Edges

# What follows on the last tag or value of a line: the number of a column, in a comment.
_REST = re.compile(rb"(?:[ \t]*#[ \t]*(\d{1,9})?[^\r\n]*|[ \t]*(?=[\r\n]|\Z))?")

Cut = tuple[int, int, bytes]
"""From where to where bytes are left out, and what stands there instead."""
Columns = Mapping[str, Sequence[str] | None]
"""The new tokens of some columns; None for one that is taken out. New columns come last."""


def splice(data: bytes, cuts: Iterable[Cut]) -> Iterator[bytes | memoryview]:
    """Give the pieces of `data` after cuts, which come in order and do not overlap."""
    view, at = memoryview(data), 0
    for start, stop, text in cuts:
        yield view[at:start]
        yield text
        at = stop
    yield view[at:]


def newline_of(data: bytes) -> bytes:
    """Give what ends the lines of a text."""
    return b"\r\n" if data[: data.find(b"\n") + 1].endswith(b"\r\n") else b"\n"


def table_cuts(table: StarTable, columns: Columns) -> Iterator[Cut]:
    """Give the cuts that change columns of a table."""
    new = {}
    for tag, tokens in columns.items():
        if tokens is not None and len(tokens) != len(table):
            raise ValueError(f"{tag} is given {len(tokens)} values for {len(table)} rows")
        if tokens is not None and tag not in table:
            new[tag] = tokens
    if table.is_loop:
        yield from _declaration_cuts(table, columns, [(tag, None) for tag in new])
        yield from _row_cuts(table, columns, list(new.values()))
        return
    cuts = list(_declaration_cuts(table, columns, [(tag, t[0]) for tag, t in new.items()]))
    for tag, (start, stop) in zip(table.tags, table.edges[0].tolist(), strict=True):
        if (tokens := columns.get(tag)) is not None:
            cuts.append((start, stop, _encode(tokens[0])))
    yield from sorted(cuts)


def dropped_rows(table: StarTable, rows: npt.NDArray[np.bool_]) -> Iterator[Cut]:
    """Give the cuts that take out all rows of a loop but those of a mask (N,)."""
    begins, end = table.edges[:, 0, 0], int(table.edges[-1, -1, 1])
    for row in np.flatnonzero(~rows).tolist():
        yield int(begins[row]), int(begins[row + 1]) if row + 1 < len(rows) else end, b""


def _declaration_cuts(
    table: StarTable, columns: Columns, new: Sequence[tuple[str, str | None]]
) -> Iterator[Cut]:
    """Add and take out the lines of tags, or of pairs, and count the columns anew."""
    data, newline = table.data, newline_of(table.data)
    stops = table.tag_edges[:, 1] if table.is_loop else table.edges[0, :, 1]
    gone, numbered, removed, end = 0, False, False, 0
    for place, (start, stop) in enumerate(
        zip(table.tag_edges[:, 0].tolist(), stops.tolist(), strict=True), 1
    ):
        rest = _REST.match(data, stop)
        assert rest is not None  # it matches nothing at all, too
        end, number = rest.end(), rest[1] if table.is_loop else None
        numbered |= number is not None
        removed = columns.get(table.tags[place - 1], "") is None
        if removed:
            gone += 1
            whole = data.startswith(newline, end) and not (new and place == len(stops))
            yield start, end + whole * len(newline), b""
        elif gone and number:
            yield *rest.span(1), b"%d" % (int(number) - gone)
    lines = []
    for count, (tag, value) in enumerate(new, len(table.tags) - gone + 1):
        lines.append(
            f"{tag} {value}" if value is not None else f"{tag} #{count}" if numbered else tag
        )
    if lines:
        first = b"" if removed else newline
        yield end, end, first + newline.join(map(_encode, lines))


def _row_cuts(table: StarTable, columns: Columns, new: Sequence[Sequence[str]]) -> Iterator[Cut]:
    parts: list[Iterable[Cut]] = []

    def add(begin: Edges, end: Edges, texts: Iterable[bytes]) -> None:
        parts.append(zip(begin.tolist(), end.tolist(), texts, strict=False))

    begins, ends = table.edges[..., 0], table.edges[..., 1]
    for place, tag in enumerate(table.tags):
        if tag in columns:
            tokens = columns[tag]
            if tokens is not None:
                add(begins[:, place], ends[:, place], map(_encode, tokens))
            else:  # with the blanks before it
                begin = ends[:, place - 1] if place else begins[:, 0]
                add(begin, ends[:, place], repeat(b""))
    if new:
        rows = (" " + " ".join(row) for row in zip(*new, strict=True))
        add(ends[:, -1], ends[:, -1], map(_encode, rows))
    return chain.from_iterable(zip(*parts, strict=True))


def _encode(token: str) -> bytes:
    return token.encode("utf-8", "surrogateescape")
