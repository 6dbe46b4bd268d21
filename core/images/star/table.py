"""One table of a STAR file: a loop, or pairs of tag and value as one row."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from operator import methodcaller
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from .tokens import Edges, unquote

_LARGEST_WHOLE = 1 << 53  # float64 tells larger ones from their neighbours no longer
_DECODE: Callable[[bytes], str] = methodcaller("decode", "utf-8", "surrogateescape")


@dataclass(frozen=True, eq=False, repr=False)
class StarTable:
    """N rows of K columns, as places in the bytes of a file.

    Attributes
    ----------
    path, data
        The file, and all of its bytes.
    name
        Name of the block with `data_` before it, for messages.
    tags
        The columns, in order.
    tag_edges : (K, 2)
        Where the tags stand.
    edges : (N, K, 2)
        Where the values stand.
    is_loop
        Whether rows follow on all tags; else one value follows on each tag.
    """

    path: Path
    data: bytes
    name: str
    tags: list[str]
    tag_edges: Edges
    edges: Edges
    is_loop: bool

    def __len__(self) -> int:
        return len(self.edges)

    def __contains__(self, tag: str) -> bool:
        return tag in self.tags

    def column(self, tag: str) -> list[str]:
        """Give the tokens of a column, as they stand in the file."""
        return list(map(_DECODE, self._pieces(tag)))

    def floats(self, tag: str) -> npt.NDArray[np.float64]:
        """Give a column as (N,) float64; a token that is no number raises IceblockError."""
        try:
            return np.fromiter(map(float, self._pieces(tag)), np.float64, len(self))
        except ValueError:
            return np.array([self._number(tag, *row) for row in enumerate(self.column(tag), 1)])

    def floats_or_nan(self, tag: str) -> npt.NDArray[np.float64]:
        """Give a column as (N,) float64, NaN where a token is no number, such as None or ****."""
        try:
            return np.fromiter(map(float, self._pieces(tag)), np.float64, len(self))
        except ValueError:
            return np.array([_float_or_nan(token) for token in self.column(tag)])

    def integers(self, tag: str) -> npt.NDArray[np.int64]:
        """Give a column as (N,) int64; a token that is no whole number raises IceblockError."""
        numbers = self.floats(tag)
        whole = np.abs(numbers) < _LARGEST_WHOLE
        whole[whole] = numbers[whole] == np.round(numbers[whole])
        if not whole.all():
            row = int(np.flatnonzero(~whole)[0])
            raise self._not_a_number(tag, row + 1, self.column(tag)[row], "whole number")
        return numbers.astype(np.int64)

    def _pieces(self, tag: str) -> Iterator[bytes]:
        if tag not in self:
            raise IceblockError(
                f"{self.path}: table {self.name} has no column {tag}; add it or use another file"
            )
        places = self.edges[:, self.tags.index(tag)].T.tolist()
        return map(self.data.__getitem__, map(slice, *places))

    def _number(self, tag: str, row: int, token: str) -> float:
        try:
            return float(unquote(token))
        except ValueError:
            raise self._not_a_number(tag, row, token, "number") from None

    def _not_a_number(self, tag: str, row: int, token: str, kind: str) -> IceblockError:
        return IceblockError(
            f"{self.path}: row {row} of {self.name} has {tag[1:]} {token} where a {kind} is "
            "needed; correct it"
        )


def _float_or_nan(token: str) -> float:
    try:
        return float(unquote(token))
    except ValueError:
        return float("nan")
