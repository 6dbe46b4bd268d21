"""The folder that relative image paths start from.

RELION and its programs run in the project folder, and every path in a STAR file starts there; so
does every path in a .cs file. A user may stand elsewhere, so the folders above the file are tried
as well. Links are never resolved: the names that come out look as the user wrote them.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import IceblockError
from .near_misses import near_miss


def find_root(
    source: Path,
    stacks: Sequence[str],
    todo: str = "give the command in the project folder, where these paths start",
) -> Path:
    """Find the current folder, or the nearest folder above `source`, that has all the stacks.

    Parameters
    ----------
    source
        The STAR or .cs file; its own folder is tried too.
    stacks
        Paths as the file names them; absolute ones tell nothing about the root.
    todo
        What the user is told to do when none of them is found.

    Raises
    ------
    IceblockError
        When no folder has them all; it names the first stack that is missing from the folder that
        has most.
    """
    relative = [stack for stack in stacks if not os.path.isabs(stack)]  # noqa: PTH117
    here = Path.cwd()
    candidates = list(dict.fromkeys([here, *source.absolute().parents]))
    for candidate in candidates:
        if all(_is_in(stack, candidate) for stack in relative):
            return candidate
    found = [sum(_is_in(stack, candidate) for stack in relative) for candidate in candidates]
    best = candidates[found.index(max(found))]
    missing = next(stack for stack in relative if not _is_in(stack, best))
    if max(found) == 0:
        where = f"neither in the current folder, {here}, nor in any folder above {source.name}"
    else:
        where = f"not in {best}, which has {max(found)} of the {len(relative)} stacks"
        todo = f"put the stack back or take its particles out of {source.name}"
    for folder in (best, *candidates):
        if (near := near_miss(folder / missing)) is not None:
            raise IceblockError(f"{source} names the stack {missing}, {near}")
    raise IceblockError(f"{source} names the stack {missing}, which is {where}; {todo}")


def name_from_root(path: Path, root: Path) -> str:
    """Name `path` from `root` where it lies inside it, and absolutely where it does not."""
    absolute = Path(os.path.abspath(path))  # noqa: PTH100
    if absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix()
    # The current folder is known without the links by which the user may have come to it.
    for parent in absolute.parents:
        if parent.exists() and parent.samefile(root):
            return absolute.relative_to(parent).as_posix()
    return absolute.as_posix()


def _is_in(stack: str, folder: Path) -> bool:
    # Plain strings: this runs for thousands of stacks.
    return os.path.exists(os.path.join(folder, stack))  # noqa: PTH110, PTH118
