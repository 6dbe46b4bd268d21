"""STAR files that are read, changed in some columns, and written with all other bytes as they were.

The bytes of the file stay in memory, beside the places of its tokens. So `1.5e-08`, `001`, quotes,
blanks and comments come back as they stand in the file.
"""

import re
from itertools import chain
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..denoised_mark import NOTE_BEGINS
from ..disk import replacing
from ..input_file import open_input, read_whole
from .parser import find_tables
from .splicing import Columns, Cut, dropped_rows, newline_of, splice, table_cuts
from .table import StarTable
from .tokens import StarSyntaxError, find_tokens

_BEGINNING = 1 << 16  # bytes that tell a text from an image, which may be large
_COMMENT = re.compile(rb"(?:^|(?<=\s))#[^\n]*")
_NOTE = re.compile(rb"^%s[^\n]*(?:\n|\Z)" % NOTE_BEGINS.encode(), re.M)


class StarFile:
    """A STAR file in memory.

    Attributes
    ----------
    path
        Where it was read from.
    """

    def __init__(self, path: Path, data: bytes) -> None:
        self.path = path
        self._data = data
        edges = find_tokens(data)
        if not len(edges):
            raise IceblockError(f"{path} is empty; name a STAR file with a table of particles")
        self._head = int(edges[0, 0])  # comments stand before it
        if data[self._head : self._head + 5].lower() != b"data_":
            raise IceblockError(
                f"{path} is not a STAR file: line {_line(data, self._head)} is not a data_ line; "
                "name the STAR file"
            )
        self._blocks = find_tables(data, edges, path)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a STAR file.

        Raises
        ------
        IceblockError
            For a file that is missing, empty or binary, a row with too few or too many values, and
            two blocks of one name; with the line where it is known.
        """
        with open_input(path) as file:
            if b"\0" in file.read(_BEGINNING):
                raise _binary(path)
        data = read_whole(path).removeprefix(b"\xef\xbb\xbf")
        try:
            if not data.isascii():
                _COMMENT.sub(b"", data).decode()
            return cls(path, data)
        except UnicodeDecodeError as error:
            raise IceblockError(
                f"{path} holds characters that are not UTF-8; convert it, for example with iconv "
                "-f latin1 -t utf-8"
            ) from error
        except StarSyntaxError as error:
            if b"\0" in data:
                raise _binary(path) from error
            line = _line(data, error.place)
            raise IceblockError(f"{path}: line {line} {error}") from error

    def find(self, tag: str, block: str | None = None) -> StarTable | None:
        """Give the first table with the column `tag`, of any block or of the one named `block`."""
        for name, tables in self._blocks.items():
            for table in tables if block in (None, name) else ():
                if tag in table:
                    return table
        return None

    def write(
        self,
        path: Path,
        note: str | None = None,
        table: StarTable | None = None,
        columns: Columns | None = None,
        rows: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Write the file to `path` with changes, whole or not at all.

        Parameters
        ----------
        path
            The file to make or to replace.
        note
            A comment line at the top, in place of one that was there; None for no such line.
        table, columns
            The table that is changed, and how.
        rows
            (N,) which rows of the table stay, at least one; None for all.

        Raises
        ------
        IceblockError
            When the disk is full or `path` cannot be written.
        """
        head = [match.span() for match in _NOTE.finditer(self._data, 0, self._head)]
        cuts: list[Cut] = [(start, stop, b"") for start, stop in head]
        if note is not None:
            cuts.insert(0, (0, 0, note.encode() + newline_of(self._data)))
        changes = table_cuts(table, columns) if table is not None and columns else ()
        pieces = splice(self._data, chain(cuts, changes))
        if rows is not None and table is not None and not rows.all():
            whole = StarFile(path, b"".join(pieces))
            kept = next(tag for tag in table.tags if (columns or {}).get(tag, "") is not None)
            changed = whole.find(kept, table.name.removeprefix("data_"))
            assert changed is not None
            pieces = splice(whole._data, dropped_rows(changed, rows))
        with replacing(path) as file:
            file.writelines(pieces)


def _line(data: bytes, place: int) -> int:
    return data.count(b"\n", 0, place) + 1


def _binary(path: Path) -> IceblockError:
    return IceblockError(f"{path} is a binary file, not a STAR file; name the STAR file")
