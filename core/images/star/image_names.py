"""RELION's names of single images: `000012@Extract/job003/Particles/mic1.mrcs`, counted from 1.

What follows a colon at the end names the format, for a file whose own ending tells another or none:
`000012@mic1.mrc:mrcs` is image 12 of the file mic1.mrc (RELION's FileName::removeFileFormat).
"""

import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from ...errors import IceblockError
from ..references import ImageReferences
from .tokens import is_missing, quote, unquote

_LARGEST = 1 << 62
_LONGEST_NUMBER = 1000  # digits; zeros may stand before it
# RELION cuts a name at any colon; a time of day in the name of a file is left alone here.
_FORMAT = re.compile(r"(?<=[^/]):[A-Za-z]\w*\Z")
_SLASHES = re.compile(r"//+")
# RELION takes what follows these for a format, for parameters, or for raw data.
_SPECIAL = re.compile(r"[:%#]")


def image_name(index: int, stack: str) -> str:
    """Give the name of image `index` (0-based) of the file `stack`."""
    return f"{index + 1:06d}@{stack}"


def quoted_names(names: list[str], stacks: Iterable[str]) -> list[str]:
    """Give the tokens of image names, quoted where one of their stacks needs it."""
    # An image name begins with a number, so only the stack in it can ask for quotes.
    odd = any(quote(stack) != stack for stack in stacks)
    return [quote(name) for name in names] if odd else names


def file_of(name: str) -> str:
    """Give the file that a name means to RELION: without its format, and slashes once."""
    return _SLASHES.sub("/", _FORMAT.sub("", name))


def without_special(name: str) -> str:
    """Give a file name in which RELION sees a file name and nothing else: `_` for `:`, `%`, `#`."""
    return _SPECIAL.sub("_", name)


def parse_image_names(tokens: Sequence[str], source: Path, table: str) -> ImageReferences:
    """Take image names apart; a bare file name stands for the first image of that file.

    Parameters
    ----------
    tokens
        (N,) names as they stand in the file, quotes included.
    source, table
        The file and the table they come from, for messages.

    Raises
    ------
    IceblockError
        For a name that is empty or whose number is not 1 or more.
    """
    ids: dict[str, int] = {}
    # Lists and few calls: a set can have millions of rows.
    stack_ids: list[int] = []
    indices: list[int] = []
    unnumbered: dict[int, int] = {}
    for row, token in enumerate(tokens):
        number, at, stack = token.partition("@")
        if not (stack and number.isdecimal()):
            number, at, stack = _parse_odd(token)
        index = int(number or "0") - 1 if len(number) < _LONGEST_NUMBER else -1
        if not 0 <= index < _LARGEST or not stack:
            raise IceblockError(
                f"{source}: row {row + 1} of {table} has rlnImageName {token}, which is not a "
                "number from 1, an @ and a stack, as in 000001@Particles/mic1.mrcs; correct it"
            )
        stack_id = ids.setdefault(stack, len(ids))
        stack_ids.append(stack_id)
        indices.append(index)
        if not at:
            unnumbered.setdefault(stack_id, row)
    # Two names can mean one file.
    files: dict[str, int] = {}
    places = [files.setdefault(file_of(stack), len(files)) for stack in ids]
    first_unnumbered: dict[int, int] = {}
    for stack_id, row in sorted(unnumbered.items(), key=lambda item: item[1]):
        first_unnumbered.setdefault(places[stack_id], row)
    file_ids = np.array(places, np.int32)[np.array(stack_ids, np.int64)]
    numbers = np.array(indices, np.int64)
    return ImageReferences(list(tokens), tuple(files), file_ids, numbers, first_unnumbered)


def same_image(one: str, other: str) -> bool:
    """Tell whether two tokens name one image: `1@a.mrcs` and `000001@a.mrcs:mrcs` do."""
    if one == other:
        return True
    first, second = (unquote(token).rpartition("@") for token in (one, other))
    return (first[0].lstrip("0") or "1", file_of(first[2])) == (
        second[0].lstrip("0") or "1",
        file_of(second[2]),
    )


def absolute_names(tokens: Sequence[str], root: Path) -> list[str]:
    """Name images absolutely; what is no name, and what is absolute already, stays.

    Parameters
    ----------
    tokens
        (N,) names as they stand in the file, quotes included.
    root
        The folder that relative names start from.
    """
    whole: dict[str, str] = {}
    made = []
    for token in tokens:
        number, at, stack = unquote(token).partition("@")
        if not at:
            number, stack = "", number
        if is_missing(token) or os.path.isabs(stack):  # noqa: PTH117
            made.append(token)
            continue
        if stack not in whole:
            whole[stack] = (root / stack).as_posix()
        made.append(quote(f"{number}{at}{whole[stack]}"))
    return made


def _parse_odd(token: str) -> tuple[str, str, str]:
    """Take apart a name in quotes or without a number; the number is empty where it is none."""
    if is_missing(token):
        return "", "", ""
    number, at, stack = unquote(token).partition("@")
    if not at:
        return "1", "", number
    return number if number.isdecimal() else "", at, stack
