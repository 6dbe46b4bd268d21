"""STAR files that are read, changed in one column, and written with all other tokens as they were.

gemmi keeps each token as the characters that stand in the file: `1.5e-08`, `001`, `[0.3,0.2]` and
quotes survive, which a table of numbers could not promise.
"""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
from gemmi import cif

from ...errors import IceblockError
from ..denoised_mark import NOTE_BEGINS
from ..input_file import open_input, read_whole
from .text import BlockText, block_texts, escape, find_ragged_row, unescape_document
from .writer import write_document

_NEEDS_QUOTES = re.compile(r"""$|[_#$'";\[\]]|(?i:data_|save_|loop_|stop_|global_)|.*\s""", re.S)
_LARGEST_WHOLE = 1 << 53  # float64 tells larger ones from their neighbours no longer
_BEGINNING = 1 << 16  # bytes that tell a text from an image, which may be large
_UNFIT = re.compile(r"[\x00-\x08\n-\x1f\x7f\ud800-\udfff]")
_MISSING = frozenset({"", "None", ".", "?"})


def unquote(token: str) -> str:
    """Give the text of a token, without the quotes that may stand around it."""
    if token[:1] in ("'", '"', ";"):
        return str(cif.as_string(token))
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
    try:
        token = str(cif.quote(text))
        if not _UNFIT.search(token):
            return token
    except (TypeError, UnicodeError):
        pass
    raise IceblockError(
        f"the name {text} cannot stand in a STAR file, because it holds a line end, a character "
        "that is not UTF-8, or both kinds of quotes; rename the file"
    )


def is_missing(token: str) -> bool:
    """Tell whether a token stands for no value: empty quotes, `None`, `.` or `?`."""
    return unquote(token) in _MISSING


class StarFile:
    """A STAR file in memory.

    Attributes
    ----------
    path
        Where it was read from.
    """

    def __init__(self, path: Path, document: cif.Document, texts: dict[str, BlockText]) -> None:
        self.path = path
        self._document = document
        self._texts = texts

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
            # The parser refuses what is not ASCII, the document does not.
            document = cif.read_string(data if data.isascii() else escape(data))
            if not data.isascii():
                unescape_document(document)
        except UnicodeDecodeError as error:
            raise IceblockError(
                f"{path} holds characters that are not UTF-8; convert it, for example with iconv "
                "-f latin1 -t utf-8"
            ) from error
        except (ValueError, RuntimeError) as error:
            raise _parse_error(path, data, str(error)) from error
        if len(document) == 0:
            raise IceblockError(f"{path} is empty; name a STAR file with a table of particles")
        return cls(path, document, block_texts(data))

    def find(self, tag: str, block: str | None = None) -> "StarTable | None":
        """Give the first table with the column `tag`, of any block or of the one named `block`."""
        for candidate in self._document:
            if block is not None and candidate.name.strip() != block:
                continue
            table = StarTable(self, candidate, tag)
            if tag in table:
                return table
        return None

    def write(self, path: Path, note: str | None = None) -> None:
        """Write the tables, in their order and with their comments, to `path`, whole or not at all.

        Parameters
        ----------
        path
            The file to make or to replace.
        note
            A comment line at the top, in place of one that was there; None for no such line.

        Raises
        ------
        IceblockError
            When the disk is full or `path` cannot be written.
        """
        first = self._document[0].name.strip()
        text = self._texts.get(first, BlockText())
        above = [line for line in text.above if not line.startswith(NOTE_BEGINS)]
        noted = replace(text, above=[note, *above] if note else above)
        write_document(self._document, {**self._texts, first: noted}, path)


class StarTable:
    """The table of a STAR file that holds a certain column: a loop, or pairs as one row."""

    def __init__(self, star: StarFile, block: cif.Block, tag: str) -> None:
        self._star = star
        self._block = block
        self._loop = block.find_values(tag).get_loop()

    @property
    def name(self) -> str:
        """Name of the block with `data_` before it, for messages."""
        return f"data_{self._block.name.strip()}"

    @property
    def tags(self) -> list[str]:
        """The columns, in order."""
        if self._loop is not None:
            return list(self._loop.tags)
        return [item.pair[0] for item in self._block if item.pair is not None]

    def __len__(self) -> int:
        return self._loop.length() if self._loop is not None else 1

    def __contains__(self, tag: str) -> bool:
        return tag in self.tags

    def column(self, tag: str) -> list[str]:
        """Give the tokens of a column, as they stand in the file."""
        if tag not in self:
            raise IceblockError(
                f"{self._star.path}: table {self.name} has no column {tag}; add it or use another "
                "file"
            )
        return list(self._block.find_values(tag))

    def floats(self, tag: str) -> npt.NDArray[np.float64]:
        """Give a column as (N,) float64; a token that is no number raises IceblockError."""
        tokens = self.column(tag)
        try:
            return np.array(tokens, dtype=np.float64)
        except ValueError:
            return np.array([self._number(tag, row, t) for row, t in enumerate(tokens, 1)])

    def floats_or_nan(self, tag: str) -> npt.NDArray[np.float64]:
        """Give a column as (N,) float64, NaN where a token is no number, such as None or ****."""
        tokens = self.column(tag)
        try:
            return np.array(tokens, dtype=np.float64)
        except ValueError:
            return np.array([_float_or_nan(token) for token in tokens])

    def integers(self, tag: str) -> npt.NDArray[np.int64]:
        """Give a column as (N,) int64; a token that is no whole number raises IceblockError."""
        numbers = self.floats(tag)
        whole = np.abs(numbers) < _LARGEST_WHOLE
        whole[whole] = numbers[whole] == np.round(numbers[whole])
        if not whole.all():
            row = int(np.flatnonzero(~whole)[0])
            raise self._not_a_number(tag, row + 1, self.column(tag)[row], "whole number")
        return numbers.astype(np.int64)

    @contextlib.contextmanager
    def changed(self, columns: Mapping[str, Sequence[str] | None]) -> Iterator[None]:
        """Change columns inside a `with` block, and put them back at its end.

        Parameters
        ----------
        columns
            For each column its tokens, a new column being added last, or None to remove it.
        """
        before = {tag: self.column(tag) if tag in self else None for tag in columns}
        places = {tag: self.tags.index(tag) for tag in columns if tag in self}
        try:
            for tag, tokens in columns.items():
                self._put(tag, tokens)
            yield
        finally:
            for tag, tokens in reversed(before.items()):
                self._put(tag, tokens, places.get(tag, -1))

    def _put(self, tag: str, tokens: Sequence[str] | None, place: int = -1) -> None:
        """Set a column, add it at `place`, or remove it where `tokens` is None."""
        present = tag in self
        if tokens is None:
            if present:
                self._remove(tag)
            return
        if len(tokens) != len(self):
            raise ValueError(f"{tag} is given {len(tokens)} values for {len(self)} rows")
        if self._loop is None:
            self._block.set_pair(tag, tokens[0])
            return
        if not present:
            self._loop.add_columns([tag], "?", place)
        column = self._block.find_values(tag)
        for row, token in enumerate(tokens):
            column[row] = token

    def _remove(self, tag: str) -> None:
        if self._loop is not None:
            self._loop.remove_column(tag)
        else:
            item = self._block.find_pair_item(tag)
            assert item is not None
            item.erase()

    def _number(self, tag: str, row: int, token: str) -> float:
        try:
            return float(unquote(token))
        except ValueError:
            raise self._not_a_number(tag, row, token, "number") from None

    def _not_a_number(self, tag: str, row: int, token: str, kind: str) -> IceblockError:
        return IceblockError(
            f"{self._star.path}: row {row} of {self.name} has {tag[1:]} {token} where a {kind} is "
            "needed; correct it"
        )


def _float_or_nan(token: str) -> float:
    try:
        return float(unquote(token))
    except ValueError:
        return float("nan")


def _binary(path: Path) -> IceblockError:
    return IceblockError(f"{path} is a binary file, not a STAR file; name the STAR file")


def _parse_error(path: Path, data: bytes, message: str) -> IceblockError:
    """Say in the user's terms what the parser found."""
    match = re.match(r"\w*:(\d+)", message)
    line = int(match[1]) if match else 0
    if b"\0" in data:
        return _binary(path)
    if "expected block header" in message:
        return IceblockError(
            f"{path} is not a STAR file: line {line} is not a data_ line; name the STAR file"
        )
    if "Wrong number of values" in message:
        row = find_ragged_row(data, line)
        if row is None:
            where = f"the table that begins at line {line} has too few values in its last row"
        else:
            where = f"line {row[0]} has {row[1]} values where the table has {row[2]} columns"
        return IceblockError(f"{path}: {where}; the file may have been cut short: correct it")
    if "duplicate" in message:
        found = message.rsplit("duplicate ", 1)[1].replace("name: ", "data_")
        at = f"line {line}: " if line else ""
        return IceblockError(f"{path}: {at}the {found} stands there twice; remove one of them")
    return IceblockError(f"{path}: line {line} cannot be read as STAR ({message}); correct it")
