"""A gate in the way of a program that a test starts: the test, not the clock, says when it goes on.

Who is faster, the test or the program, is nobody's to tell. So the program waits where it is about
to give a file its name, until the test has done what it wants to do to a program at work.
"""

import json
import os
import time
from collections.abc import Callable
from pathlib import Path

SITE = Path(__file__).parent / "gate_site"
PATIENCE = 600.0
"""Seconds that only a hang takes."""


class Gate:
    """The gate of the programs that work in `folder` and have `SITE` on their PYTHONPATH."""

    def __init__(self, folder: Path) -> None:
        self._gate = folder / "gate.json"
        self._reached = folder / "gate.reached"
        self._count = folder / "gate.count"

    def shut(self, files: str, after: int = 0) -> None:
        """Let a program wait before it renames one to `files` where there are `after` of them.

        `files` is a pattern as for the shell, relative to the folder.
        """
        self._reached.unlink(missing_ok=True)
        self._write({"files": files, "after": after})

    def kill_at(self, number: int) -> None:
        """Let a program kill itself and its group when it touches files for the nth time."""
        self._write({"kill_at": number})

    def count(self) -> None:
        """Let programs count how often they touch files."""
        self._count.unlink(missing_ok=True)
        self._write({"count": True})

    @property
    def counted(self) -> int:
        return self._count.stat().st_size

    def open(self) -> None:
        self._gate.unlink(missing_ok=True)

    def reached(self, programs: int = 1) -> bool:
        """Whether so many programs wait."""
        return self._reached.exists() and self._reached.stat().st_size >= programs

    def _write(self, what: dict[str, object]) -> None:
        partial = self._gate.with_name("gate.partial")
        partial.write_text(json.dumps({**what, "test": os.getpid()}))
        partial.replace(self._gate)


def on_path() -> dict[str, str]:
    """Give the environment in which programs heed gates."""
    paths = [str(SITE), os.environ.get("PYTHONPATH", "")]
    return dict(os.environ) | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def wait_for(condition: Callable[[], bool], seconds: float = PATIENCE) -> None:
    """Wait, with a limit that only a hang reaches."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(condition)
        time.sleep(0.01)
