"""An audit hook that stops a reader which writes outside its folder or starts something."""

from __future__ import annotations

import itertools
import os
from pathlib import Path
from typing import Any

_FORBIDDEN = (
    "pickle.find_class", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork",
    "os.forkpty", "socket.connect", "socket.bind", "ctypes.dlopen", "os.chmod", "os.chown",
    "os.link",
)  # fmt: skip
_CHANGES = ("os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.symlink", "os.truncate")


class Escaped(BaseException):
    """A reader did what no reader may do; no reader catches this."""


class Guard:
    """Raises where a reader writes outside its folder, starts a program or runs foreign code."""

    armed = False
    folder = Path()

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.armed:
            return
        if event in _FORBIDDEN:
            self._refuse(event, arguments)
        if event == "open":
            path, mode, flags = (*arguments, None, None, None)[:3]
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            writes = writes or (isinstance(mode, str) and bool(set(mode) & set("wax+")))
            if writes and path != os.devnull:
                self._check(event, path)
        elif event in _CHANGES:
            for path in itertools.islice(arguments, 2 if event == "os.rename" else 1):
                self._check(event, arguments[1] if event == "os.symlink" else path)

    def _check(self, event: str, path: Any) -> None:
        if isinstance(path, int):
            return
        place = Path(os.fsdecode(path)).absolute()
        real = Path(os.path.realpath(place.parent)) / place.name
        if real != self.folder and self.folder not in real.parents:
            self._refuse(event, path)

    def _refuse(self, event: str, what: Any) -> None:
        self.armed = False
        raise Escaped(f"{event} {what!r:.300}")


GUARD = Guard()
"""Of this process; an audit hook stays for good."""
