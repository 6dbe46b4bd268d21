"""Where the image files lie that a .cs file names.

Paths start at the project folder. A leading `>` marks a file that was exported together with its
table and lies beside it; it is read and never written.
"""

import os
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from ...errors import IceblockError
from ..near_misses import near_miss
from ..project_root import name_from_root
from ..references import ImageReferences

EXPORTED = ">"
"""Begins the path of a file that was exported with its table and lies beside it."""


def stack_path(stack: str, root: Path, source: Path) -> Path:
    """Give the path of an image file that `source` names, whose project folder is `root`."""
    if stack.startswith(EXPORTED):
        return source.parent / stack.removeprefix(EXPORTED)
    return root / stack


def refuse_missing_stacks(images: ImageReferences, root: Path, source: Path) -> None:
    """Raise IceblockError if an image file is not there; it names the first row that needs it."""
    for place, stack in enumerate(images.stacks):
        path = stack_path(stack, root, source)
        if os.path.exists(path):  # noqa: PTH110
            continue
        row = int(np.flatnonzero(images.stack_ids == place)[0])
        what = near_miss(path) or (
            f"and there is no {path}; check --project-dir, or put back the file"
        )
        raise IceblockError(f"{source}: row {row + 1} names the stack {stack}, {what}")


def without_marks(stacks: Iterable[str], source: Path, project_dir: Path | None) -> list[str]:
    """Give the names of image files as they hold anywhere, for a table in another place."""
    names = []
    for stack in stacks:
        if not stack.startswith(EXPORTED):
            names.append(stack)
            continue
        path = absolute(stack_path(stack, Path(), source))
        names.append(path.as_posix() if project_dir is None else name_from_root(path, project_dir))
    return names


def absolute(path: Path) -> Path:
    """Make a path absolute, links left as they are."""
    return Path(os.path.abspath(path))  # noqa: PTH100
