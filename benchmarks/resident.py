"""Resident memory of a command and of all processes that it starts, while its output grows."""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from denoise_runs import failed, threads_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE_MB = os.sysconf("SC_PAGE_SIZE") / 2**20


@dataclass(frozen=True)
class Watched:
    """A command that has ended well.

    Attributes
    ----------
    seconds
        Wall time.
    samples
        How much of the output was written, 0 to 1, and MB resident in all processes together,
        where pages that they share count once for each.
    """

    seconds: float
    samples: list[tuple[float, float]]

    @property
    def most(self) -> float:
        """MB at most."""
        return max(mb for _, mb in self.samples)

    def while_written(self, first: float, last: float) -> float:
        """Median MB while the output grew from one share to another; NaN where no sample fell."""
        found = [mb for share, mb in self.samples if first < share < last]
        return median(found) if found else float("nan")


def watch(
    command: Sequence[str], threads: int, log: Path, output: Path, size: int, interval: float
) -> Watched:
    """Run a command to its end.

    Parameters
    ----------
    command
        Program and arguments.
    threads
        Of the environment.
    log
        Where its words go.
    output
        The folder that grows.
    size
        Bytes that lie there in the end.
    interval
        Seconds between two looks.
    """
    samples = []
    with log.open("ab") as said:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=threads_of(threads), stdout=said, stderr=said)
        try:
            while process.poll() is None:
                share = folder_bytes(output) / size
                samples.append((share, sum(map(resident_mb, family(process.pid)))))
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(interval)
        finally:
            process.terminate()  # and, where it started others, those
            process.wait()
        seconds = time.perf_counter() - begin
    if process.returncode != 0:
        raise failed(command, log)
    return Watched(seconds, samples)


def family(number: int) -> Iterator[int]:
    """List a process and all below it."""
    yield number
    with contextlib.suppress(OSError):  # it ends at this moment
        for children in Path(f"/proc/{number}/task").glob("*/children"):
            for child in children.read_text().split():
                yield from family(int(child))


def resident_mb(number: int) -> float:
    """Give the resident memory of a process; 0 where it has ended."""
    try:
        return int(Path(f"/proc/{number}/statm").read_text().split()[1]) * PAGE_MB
    except OSError:
        return 0.0


def folder_bytes(folder: Path) -> int:
    """Add up the files in a folder, hidden ones too."""
    total = 0
    for path in folder.glob("*"):
        with contextlib.suppress(FileNotFoundError):  # renamed at this moment
            total += path.stat().st_size
    return total
