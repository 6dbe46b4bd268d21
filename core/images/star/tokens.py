"""The tokens of STAR files: where they lie in the bytes of a file, and what their quotes hold."""

import re

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError

_NEEDS_QUOTES = re.compile(r"""$|[_#$'";\[\]]|(?i:data_|save_|loop_|stop_|global_)|.*\s""", re.S)
_UNFIT = re.compile(r"[\x00-\x08\n-\x1f\x7f\ud800-\udfff]")
_MISSING = frozenset({"", "None", ".", "?"})

_CHUNK = 1 << 24  # bytes
_BLANK, _REFUSED = 1, 2
_KINDS = bytes(
    _BLANK if byte in b" \t\r\n" else _REFUSED if byte < 32 or byte == 127 else 0
    for byte in range(256)
)
# A comment, a text in quotes, and a text of several lines.
_LONG = re.compile(
    rb"""#[^\n]*|'[^\n]*?'(?=\s|\Z)|"[^\n]*?"(?=\s|\Z)|(?<![^\n]);.*?\n;(?=\s|\Z)""", re.S
)
_OPENS_LONG = np.isin(np.arange(256), list(b"#'\";"))

Edges = npt.NDArray[np.integer]
"""(…, 2) where tokens begin and end, in bytes."""


class StarSyntaxError(ValueError):
    """What is wrong in the line of a STAR file that holds the byte `place`."""

    def __init__(self, place: int, message: str) -> None:
        super().__init__(message)
        self.place = place


def unreadable(place: int, odd: str) -> StarSyntaxError:
    """Make the error for what no STAR file has."""
    return StarSyntaxError(place, f"cannot be read as STAR, because it has {odd}; correct it")


def unquote(token: str) -> str:
    """Give the text of a token, without the quotes that may stand around it."""
    if token[:1] in ("'", '"') and len(token) > 1 and token[0] == token[-1]:
        return token[1:-1]
    if token[:1] == ";" and token[-2:] == "\n;":
        return token[1:-2].removesuffix("\r")
    return token


def quote(text: str) -> str:
    """Give the token for a text, in quotes where blanks or its first character ask for them.

    Raises
    ------
    IceblockError
        For a text that takes several lines in a STAR file, or is not UTF-8: RELION reads neither.
    """
    if not _NEEDS_QUOTES.match(text) and text.isprintable():
        return text
    mark = '"' if "'" in text else "'"
    if mark in text or _UNFIT.search(text):
        raise IceblockError(
            f"the name {text} cannot stand in a STAR file, because it holds a line end, a "
            "character that is not UTF-8, or both kinds of quotes; rename the file"
        )
    return f"{mark}{text}{mark}"


def is_missing(token: str) -> bool:
    """Tell whether a token stands for no value: empty quotes, `None`, `.` or `?`."""
    return unquote(token) in _MISSING


def find_tokens(data: bytes) -> Edges:
    """Find the tokens of a STAR file, without its comments.

    Returns
    -------
    edges
        (T, 2).

    Raises
    ------
    StarSyntaxError
        For control characters and for a quote that is never closed.
    """
    pieces = [_changes(data, start) for start in range(0, len(data), _CHUNK)]
    edges = np.concatenate([*pieces, np.zeros(0, np.uint32)]).reshape(-1, 2)
    firsts = np.frombuffer(data, np.uint8)[edges[:, 0]]
    starts = edges[_OPENS_LONG[firsts], 0].tolist()
    return _without_insides(edges, _long_spans(data, starts)) if starts else edges


def _changes(data: bytes, start: int) -> Edges:
    """Give the places in a chunk where blanks become a token, or a token becomes blanks."""
    stop = start + _CHUNK
    piece = data[max(start - 1, 0) : stop].translate(_KINDS)
    piece = b"".join([b"" if start else b"\1", piece, b"" if stop < len(data) else b"\1"])
    if (refused := piece.find(_REFUSED)) >= 0:
        raise unreadable(start + refused - 1, "a control character")
    kinds = np.frombuffer(piece, np.uint8)
    changes = np.flatnonzero(kinds[1:] != kinds[:-1]) + start
    return changes.astype(np.uint32 if len(data) < 1 << 32 else np.int64)


def _long_spans(data: bytes, starts: list[int]) -> list[tuple[int, int, bool]]:
    """Give where comments and quoted texts begin and end, and which of them are comments."""
    spans: list[tuple[int, int, bool]] = []
    until = 0
    for start in starts:
        if start < until:
            continue
        match = _LONG.match(data, start)
        if match is not None:
            until = match.end()
            spans.append((start, until, data[start] == ord("#")))
        elif data[start] != ord(";"):
            raise unreadable(start, "a quote that is not closed")
    return spans


def _without_insides(edges: Edges, spans: list[tuple[int, int, bool]]) -> Edges:
    """Leave out comments, and make one token of each quoted text."""
    begin, end, comment = np.array(spans, dtype=edges.dtype).T
    first = np.searchsorted(edges[:, 0], begin)
    after = np.searchsorted(edges[:, 0], end)
    edges[first, 1] = end
    left_out = first + (comment == 0)
    kept = zip([0, *after.tolist()], [*left_out.tolist(), len(edges)], strict=True)
    return np.concatenate([edges[start:stop] for start, stop in kept])
