"""What the processes of a run are warned of, on its way to the first of them.

Each process leaves its sentences in a hidden file. A run that was stopped finds them there when it
goes on: what is whole by then is not looked at again.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from ..images.disk import reading, writing
from ..remarks import collected, warn

NAME = ".warnings."


@contextlib.contextmanager
def relayed(folder: Path, process: int) -> Iterator[None]:
    """Leave what is warned of inside the `with` block for `tell_relayed`, however the block ends.

    Parameters
    ----------
    folder
        Of the run.
    process
        Number of this one among those of the run.
    """
    path = folder / f"{NAME}{process}"
    with collected(None) as sentences:
        try:
            yield
        finally:
            if sentences:
                with writing(path), path.open("a", encoding="utf-8") as file:
                    file.writelines(f"{json.dumps(sentence)}\n" for sentence in sentences)


def tell_relayed(folder: Path) -> None:
    """Warn of what the processes of a run left, in their order."""
    for path in _files(folder):
        with reading(path):
            lines = path.read_text("utf-8").splitlines()
        for line in lines:
            with contextlib.suppress(json.JSONDecodeError):  # a killed process left half a line
                warn(json.loads(line))


def forget_relayed(folder: Path) -> None:
    """Remove what the processes left."""
    for path in _files(folder):
        with writing(path):
            path.unlink(missing_ok=True)


def _files(folder: Path) -> list[Path]:
    found = [path for path in folder.glob(f"{NAME}*") if path.suffix[1:].isdecimal()]
    return sorted(found, key=lambda path: int(path.suffix[1:]))
