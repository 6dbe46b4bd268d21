"""Sections of RESULTS.md: what was measured, with machine, date and command."""

from __future__ import annotations

import datetime
import os
import platform
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

RESULTS = Path(__file__).parent / "RESULTS.md"


def record(title: str, lines: Sequence[str], append: bool = True) -> None:
    """Print a section, and append it to RESULTS.md where that is asked for."""
    given = [_without_folder(a) for a in sys.argv[1:] if a != "--append"]
    command = shlex.join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *given])
    when = f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores"
    text = "\n".join([f"\n## {title}\n", f"{when}, `{command}`\n", *lines])
    print(text, flush=True)
    if append:
        with RESULTS.open("a") as file:
            file.write(text + "\n")


def processor() -> str:
    """Name the CPU."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _without_folder(word: str) -> str:
    """Name a file without its folders, which are another machine's."""
    return Path(word).name if Path(word).exists() else word
