"""What the STAR parser does not keep or cannot read, taken from the text of the file itself.

gemmi keeps every token, but drops comments, among them RELION's `# version 30001` and the column
numbers in `_rlnImageName #3`; it takes ASCII only; and of a row with too few values it names the
table, not the row.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import cast

from gemmi import cif

_ESCAPED = re.compile(rb"[\x80-\xff^]")
_ESCAPE = re.compile(rb"\^([0-9a-f]{2})")
_TAG_LINE = re.compile(r"(_\S+)\s*(?:#\s*(\d*)(.*))?$")
_TOKEN = re.compile(rb"""'.*?'(?=\s|$)|".*?"(?=\s|$)|[^\s#'"]\S*""")


@dataclass
class BlockText:
    """The comments that belong to one block.

    Attributes
    ----------
    above
        The comment lines right above the `data_` line, such as `# version 30001`.
    numbered
        Whether the columns of its tables carry their number, as in `_rlnImageName #3`.
    remarks
        What follows the number, for each tag that has such a remark.
    """

    above: list[str] = field(default_factory=list)
    numbered: bool = False
    remarks: dict[str, str] = field(default_factory=dict)

    def tag_line(self, tag: str, number: int) -> str:
        """Give the line that declares the column `tag`, the `number`-th (from 1) of its table."""
        remark = self.remarks.get(tag, "")
        if self.numbered:
            return f"{tag} #{number}{remark}"
        return f"{tag} #{remark}" if remark else tag


def block_texts(data: bytes) -> dict[str, BlockText]:
    """Collect the comments of a STAR file, by the name of the block (`""` for `data_`)."""
    texts: dict[str, BlockText] = {}
    for start in _block_starts(data):
        end = _line_end(data, start)
        name = _text(data[start + len("data_") : end]).split("#")[0].strip()
        text = BlockText(above=_comments_above(data, start))
        _read_tag_lines(data, end + 1, text)
        texts.setdefault(name, text)
    return texts


def escape(data: bytes) -> bytes:
    """Make the text of a STAR file ASCII, in a way that `unescape_document` takes back."""
    return _ESCAPED.sub(lambda match: b"^%02x" % match[0][0], data)


def unescape_document(document: cif.Document) -> None:
    """Give the tokens of a document that was read from escaped text their own characters.

    Raises
    ------
    UnicodeDecodeError
        For tokens that are not UTF-8.
    """
    for block in document:
        block.name = _unescape(block.name)
        for item in block:
            if item.pair is not None:
                tag, value = cast("tuple[str, str]", item.pair)
                block.set_pair(tag, _unescape(value))
            for tag in item.loop.tags if item.loop is not None else ():
                column = block.find_values(tag)
                for row, token in enumerate(column):
                    if "^" in token:
                        column[row] = _unescape(token)


def _unescape(token: str) -> str:
    data = _ESCAPE.sub(lambda match: bytes([int(match[1], 16)]), token.encode())
    return data.decode("utf-8")


def find_ragged_row(data: bytes, line: int) -> tuple[int, int, int] | None:
    """Find the first row of a table whose number of values is not the number of columns.

    Parameters
    ----------
    data
        The file.
    line
        Line number (from 1) of the table's `loop_`.

    Returns
    -------
    row
        Line number, values in that line, columns of the table; None where every line fits.
    """
    columns = 0
    for number, text in enumerate(data.splitlines()[line:], line + 1):
        bare = text.strip()
        if bare.startswith(b"_") and len(_TOKEN.findall(bare.split(b"#")[0])) == 1:
            columns += 1
        elif bare.startswith((b"data_", b"loop_")):
            return None
        elif bare and not bare.startswith(b"#"):
            values = len(_TOKEN.findall(bare))
            if values != columns:
                return number, values, columns
    return None


def _block_starts(data: bytes) -> Iterator[int]:
    if data.startswith(b"data_"):
        yield 0
    place = data.find(b"\ndata_")
    while place >= 0:
        yield place + 1
        place = data.find(b"\ndata_", place + 1)


def _comments_above(data: bytes, start: int) -> list[str]:
    """Collect the comment lines above the line at `start`, up to the first line of data."""
    comments: list[str] = []
    end = start - 1
    while end >= 0:
        begin = data.rfind(b"\n", 0, end) + 1
        line = _text(data[begin:end]).strip()
        if line and not line.startswith("#"):
            break
        if line.strip("#"):
            comments.append(line)
        end = begin - 1
    return comments[::-1]


def _read_tag_lines(data: bytes, start: int, text: BlockText) -> None:
    """Note numbers and remarks of the column declarations that follow a `data_` line."""
    while start < len(data):
        end = _line_end(data, start)
        line = _text(data[start:end]).strip()
        start = end + 1
        if not line or line.startswith(("#", "loop_")):
            continue
        match = _TAG_LINE.match(line)
        if not match:
            return
        text.numbered = text.numbered or bool(match[2])
        # A remark may hold anything but a line end; its leading blank is kept with it.
        if match[3] and match[3].strip():
            text.remarks[match[1]] = " " + match[3].strip()


def _line_end(data: bytes, start: int) -> int:
    end = data.find(b"\n", start)
    return len(data) if end < 0 else end


def _text(line: bytes) -> str:
    return line.decode("utf-8", "surrogateescape")
