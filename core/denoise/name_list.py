"""Lists of images that a run of denoising keeps beside its stacks."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..images.disk import writing

_TEXT: dict[str, Any] = {"encoding": "utf-8", "errors": "surrogateescape"}  # any name there is


class NameList:
    """A text file of names, each once, kept over several passes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: set[str] = set()
        with contextlib.suppress(FileNotFoundError):
            self._known = set(path.read_text(**_TEXT).splitlines())

    def add(self, names: Sequence[str]) -> None:
        """Write those names that are not there yet."""
        new = [name for name in names if name not in self._known]
        if not new:
            return
        with writing(self._path), self._path.open("a", **_TEXT) as file:
            file.writelines(f"{name}\n" for name in new)
        self._known.update(new)
