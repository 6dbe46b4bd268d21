"""Readers that do what none may do, run in the sandbox; prints what it noticed, as JSON."""

from __future__ import annotations

import ctypes
import json
import os
import pickle
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import IceblockError
from tests.hostile import hostile_sandbox
from tests.hostile.hostile_targets import KINDS, OUT, Target

if TYPE_CHECKING:
    from collections.abc import Callable


def refuse(_: Path) -> None:
    raise IceblockError("the file is no good; name another")


def refuse_without_words(_: Path) -> None:
    raise IceblockError(" ")


def stumble(_: Path) -> None:
    raise KeyError("a field")


def crash(_: Path) -> None:
    ctypes.string_at(0)


def hang(_: Path) -> None:
    while True:
        pass


def be_greedy(_: Path) -> None:
    bytearray(3 << 30)


def write_outside(_: Path) -> None:
    Path("elsewhere").write_text("x")


def link_outside(_: Path) -> None:
    (Path(OUT) / "way").symlink_to("..")
    (Path(OUT) / "way" / "elsewhere").write_text("x")


def rename_outside(path: Path) -> None:
    (Path(OUT) / "x").write_text("x")
    (Path(OUT) / "x").replace(path)


def start_a_program(_: Path) -> None:
    subprocess.run(["true"], check=True)


def call_the_shell(_: Path) -> None:
    os.system("true")


def unpickle(_: Path) -> None:
    pickle.loads(pickle.dumps(Path))


def warn(_: Path) -> None:
    import warnings

    warnings.warn("something is odd", RuntimeWarning, stacklevel=1)


def behave(path: Path) -> None:
    path.read_bytes()
    (Path(OUT) / "copy").write_text("x")


READERS: tuple[Callable[[Path], None], ...] = (
    refuse, behave, refuse_without_words, stumble, crash, hang, be_greedy, write_outside,
    link_outside, rename_outside, start_a_program, call_the_shell, unpickle, warn,
)  # fmt: skip


def main(scratch: Path) -> None:
    hostile_sandbox.CPU_SECONDS = 0.5
    seen = {}
    for reader in READERS:
        name = reader.__name__
        KINDS[name] = Target(lambda folder: (folder / "a.txt").write_text("a 1\n"), reader)
        tally = hostile_sandbox.fuzz(name, range(3), 0, scratch / name)
        kinds = [finding.what for finding in tally.findings]
        seen[name] = [tally.read, tally.refused, kinds]
    print(json.dumps(seen))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
