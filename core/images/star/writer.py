"""Write the blocks of a STAR document, with the comments that gemmi does not keep.

gemmi writes the longest table, because it does so fast and in place. What it writes needs repairs:
comments and column numbers come back, tables without rows keep their columns, and a pair of tag
and value stays on one line, however long, because RELION reads it line by line.
"""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from gemmi import cif

from ...errors import IceblockError
from ..disk import partial_path, replacing
from .text import BlockText

# More than the last row of a table can take.
_TAIL_BYTES = 1 << 20


def write_document(document: cif.Document, texts: dict[str, BlockText], path: Path) -> None:
    """Write a document to `path`, whole or not at all.

    Parameters
    ----------
    document
        The blocks.
    texts
        The comments of the blocks, by block name.
    path
        The file to make or to replace.

    Raises
    ------
    IceblockError
        When the disk is full or `path` cannot be written.
    """
    blocks = list(document)
    longest = max(range(len(blocks)), key=lambda number: _rows_for_gemmi(blocks[number]))
    if _rows_for_gemmi(blocks[longest]) == 0:
        longest = len(blocks)
    before = [_block(block, texts, path) for block in blocks[:longest]]
    after = [_block(block, texts, path) for block in blocks[longest + 1 :]]
    with replacing(path) as file:
        file.write(_encode("".join(before)))
        if longest < len(blocks):
            block = blocks[longest]
            loop = next(iter(block)).loop
            assert loop is not None
            start = _encode("".join([*before, *_declarations(block, loop, texts)]))
            file.seek(0)
            _write_rows(block, loop, len(start), partial_path(path))
            file.write(start)
            file.seek(0, os.SEEK_END)
            file.write(b"\n")
        file.write(_encode("".join(after)))


def _write_rows(block: cif.Block, loop: cif.Loop, start: int, path: Path) -> None:
    """Let gemmi write a table to `path` so that its rows begin at byte `start`."""
    name = block.name
    head = len(_encode("".join(f"{line}\n" for line in ("data_", "loop_", *loop.tags))))
    try:
        # The block's name, made this long, keeps the place that the caller's opening takes.
        block.name = "x" * (start - head)
        block.write_file(str(path))
    finally:
        block.name = name
    last = [loop[loop.length() - 1, column] for column in range(loop.width())]
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - _TAIL_BYTES))
        tail = file.read().decode("utf-8", "surrogateescape").split()
    expected = " ".join(last).split()
    if tail[-len(expected) :] != expected:
        # gemmi does not notice a disk that is full; the missing last row shows it.
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _rows_for_gemmi(block: cif.Block) -> int:
    """Give the rows of a block that is one table and nothing else; 0 for any other."""
    items = list(block)
    if len(items) != 1 or items[0].loop is None:
        return 0
    return items[0].loop.length()


def _opening(block: cif.Block, texts: dict[str, BlockText]) -> list[str]:
    name = block.name.strip()
    above = texts[name].above if name in texts else []
    return ["\n", *(f"{line}\n" for line in above), f"\ndata_{name}\n\n"]


def _declarations(block: cif.Block, loop: cif.Loop, texts: dict[str, BlockText]) -> list[str]:
    text = texts.get(block.name.strip(), BlockText())
    tags = [f"{text.tag_line(tag, number)}\n" for number, tag in enumerate(loop.tags, 1)]
    return [*_opening(block, texts), "loop_\n", *tags]


def _block(block: cif.Block, texts: dict[str, BlockText], path: Path) -> str:
    """Give the text of a short block: pairs, tables, tables without rows."""
    loops = [item.loop for item in block if item.loop is not None]
    if len(list(block)) == 1 and loops:
        return "".join([*_declarations(block, loops[0], texts), *_rows(loops[0]), "\n"])
    return "".join([*_opening(block, texts), *_items(block, path), "\n"])


def _items(block: cif.Block, path: Path) -> Iterator[str]:
    for item in block:
        if item.loop is not None:
            yield "".join(["loop_\n", *(f"{tag}\n" for tag in item.loop.tags)])
            yield from _rows(item.loop)
            yield "\n"
        elif item.frame is not None:
            raise IceblockError(
                f"{path} cannot be written, because block data_{block.name.strip()} holds a save "
                "frame, which is not part of a STAR table; remove it from the input"
            )
        elif item.pair is not None:
            tag, value = item.pair
            yield f"{tag}\n{value}\n" if value.startswith(";") else f"{tag} {value}\n"


def _rows(loop: cif.Loop) -> Iterator[str]:
    values, width = loop.values, loop.width()
    for start in range(0, len(values), width):
        row = values[start : start + width]
        multiline = any(value.startswith(";") for value in row)
        yield ("\n" if multiline else " ").join(row) + "\n"


def _encode(text: str) -> bytes:
    # Comments may hold bytes that are not UTF-8; they come back as they were.
    return text.encode("utf-8", "surrogateescape")
