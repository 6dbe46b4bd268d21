"""Image files that lie in another folder than a STAR file says, flat or in subfolders."""

import os
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import IceblockError
from ..input_file import is_file, is_folder
from ..near_misses import near_miss
from ..project_root import name_from_root


def stacks_in(folder: Path, stacks: Sequence[str], source: Path) -> list[str]:
    """Find the image files of a STAR file in a folder, each by as much of its path as is there.

    Parameters
    ----------
    folder
        Where they lie: `Extract/job003/a.mrcs` is looked for as `Extract/job003/a.mrcs`, then as
        `job003/a.mrcs`, then as `a.mrcs`.
    stacks
        As `source` names them.
    source
        The STAR file, for messages.

    Returns
    -------
    names
        As RELION reads them from the current folder.

    Raises
    ------
    IceblockError
        For a file that is not there, and where two names lead to one file.
    """
    if not is_folder(folder):
        raise IceblockError(
            f"{folder} is no folder; give the one where the stacks of {source} lie as --datadir"
        )
    owners: dict[str, str] = {}
    names = []
    for stack in stacks:
        path = _find(folder, stack)
        if path is None:
            flat = folder / PurePosixPath(stack).name
            what = near_miss(flat) or f"and there is no {flat}"
            raise IceblockError(f"{source} names the stack {stack}, {what}; check --datadir")
        name = name_from_root(path, Path.cwd())
        first = owners.setdefault(name, stack)
        if first != stack:
            raise IceblockError(
                f"{source} names {first} and {stack}, and {folder} has only {path} for both; put "
                "them into subfolders that are called as in the STAR file"
            )
        names.append(name)
    return names


def _find(folder: Path, stack: str) -> Path | None:
    parts = [part for part in PurePosixPath(stack).parts if part not in ("/", "..", ".")]
    for start in range(len(parts)):
        path = folder / os.path.join(*parts[start:])  # noqa: PTH118
        if is_file(path):
            return path
    return None
