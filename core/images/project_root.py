"""Where the image paths of a metadata file start: how they are read, and how they are written.

RELION and its programs run in the project folder, and every path in a STAR file starts there; so
does every path in a .cs file. A user may stand elsewhere, so the folders above the file are tried
as well. All names in one file start at one folder. Links are never resolved: the names that come
out look as the user wrote them.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from ..errors import IceblockError
from .near_misses import near_miss


def find_root(
    source: Path,
    stacks: Sequence[str],
    todo: str = "give the command in the project folder, where these paths start, or the folder "
    "where the stacks lie as --datadir",
    suits: Callable[[Path], bool] | None = None,
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
    suits
        Tells whether an image file is of the kind that is meant. It is asked where several folders
        have all the stacks: raw and denoised stacks may have one name in two folders.

    Raises
    ------
    IceblockError
        When no folder has them all; it names the first stack that is missing from the folder that
        has most.
    """
    relative = [stack for stack in stacks if not os.path.isabs(stack)]  # noqa: PTH117
    here = Path.cwd()
    candidates = list(dict.fromkeys([here, *source.absolute().parents]))
    having = [folder for folder in candidates if _has_all(folder, relative)]
    if having:
        if suits is not None and relative and len(having) > 1:
            having = [folder for folder in having if suits(folder / relative[0])] or having
        return having[0]
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
    absolute = absolute_path(path)
    if absolute.is_relative_to(root):
        return absolute.relative_to(root).as_posix()
    # The current folder is known without the links by which the user may have come to it.
    for parent in absolute.parents:
        if parent.exists() and parent.samefile(root):
            return absolute.relative_to(parent).as_posix()
    return absolute.as_posix()


def name_from_here(path: Path) -> str:
    """Name a new file as RELION reads it from the current folder, which is its project folder.

    Every STAR file that is not made from another one names its files so.
    """
    return name_from_root(path, Path.cwd())


def starts_at(out: Path, root: Path, source: Path, stacks: Sequence[str]) -> bool:
    """Tell whether names in `out` may start at `root`: RELION and `find_root` then find the files.

    That asks that `out` lies inside `root`, and that no folder in between has files of the same
    names. The own folder of `source` need not be a project folder, unless it is the current one.

    Parameters
    ----------
    out
        The metadata file that is written.
    root
        Where the names of `source` start.
    source
        The metadata file that was read.
    stacks
        Paths of the image files from `root`.
    """
    root, here = absolute_path(root), Path.cwd()
    if not _same(root, here) and _same(root, absolute_path(source).parent):
        return False
    relative = [stack for stack in stacks if not os.path.isabs(stack)]  # noqa: PTH117
    for folder in absolute_path(out).parents:
        if _same(folder, root):
            return True
        if any(_is_in(stack, folder) for stack in relative):
            return False
    return False


def absolute_path(path: Path) -> Path:
    """Give an absolute path; links stay."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _same(one: Path, other: Path) -> bool:
    return one == other or (one.exists() and other.exists() and one.samefile(other))


def _has_all(folder: Path, stacks: Sequence[str]) -> bool:
    return all(_is_in(stack, folder) for stack in stacks)


def _is_in(stack: str, folder: Path) -> bool:
    # Plain strings: this runs for thousands of stacks.
    return os.path.exists(os.path.join(folder, stack))  # noqa: PTH110, PTH118
