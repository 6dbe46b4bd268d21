"""`iceblock denoise` and topaz-em as processes that are timed."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PROGRAM = ["-m", "iceblock"]
"""What Python is told to start iceblock."""


@dataclass(frozen=True)
class Timing:
    """One process."""

    images: int
    seconds: float
    peak_mb: float
    work: float
    """Seconds of the processor."""
    learning: float = 0.0
    """Seconds in which iceblock learned the set."""


def stacks_of(star: Path) -> list[Path]:
    """List the stacks that `particle_sets.make_particles` wrote with a STAR file."""
    return sorted(star.parent.glob(f"{star.stem}_*.mrcs"))


def threads_of(threads: int) -> dict[str, str]:
    """Make the environment of a process that has so many threads."""
    return {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}


def measure(command: Sequence[str], images: int, threads: int, log: Path) -> Timing:
    """Run a process to its end; wall time and its peak resident memory."""
    with log.open("ab") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=threads_of(threads), stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise failed(command, log)
    return Timing(images, seconds, usage.ru_maxrss / 1024, usage.ru_utime + usage.ru_stime)


def failed(command: Sequence[str], log: Path) -> click.ClickException:
    """Make the error for a process that failed."""
    said = log.read_text(errors="replace")[-2000:]
    return click.ClickException(f"{shlex.join(command)} failed:\n{said}")


def arguments(star: Path, out: Path, threads: int, *further: str, device: str = "cpu") -> list[str]:
    """Give what `python` is told in order to denoise a set of particles."""
    given = ["denoise", str(star), "--out", str(out), "--device", device, "-q"]
    return [*PROGRAM, *given, "--threads", str(threads), *further]


def iceblock(
    star: Path,
    images: int,
    threads: int,
    dtype: str = "float32",
    device: str = "cpu",
    further: Sequence[str] = (),
) -> Timing:
    """Time one run of `iceblock denoise`; nothing of it is left."""
    out = star.parent / "iceblock"
    shutil.rmtree(out, ignore_errors=True)
    told = arguments(star, out, threads, "--dtype", dtype, *further, device=device)
    timing = measure([sys.executable, *told], images, threads, star.parent / "iceblock.log")
    learning = json.loads((out / "run.json").read_text()).get("learning_seconds")
    shutil.rmtree(out)
    return replace(timing, learning=learning or 0.0)


def topaz(command: str, star: Path, images: int, threads: int, device: str = "-1") -> Timing:
    """Time one run of `topaz denoise --stack`, on the CPU (-1) or a GPU by its number."""
    (stack,) = stacks_of(star)
    out = star.parent / "topaz.mrcs"
    told = ["denoise", "--stack", str(stack), "-o", str(out), "-d", device]
    return measure([*shlex.split(command), *told], images, threads, star.parent / "topaz.log")


def slope(short: Timing, long: Timing) -> float:
    """Images per second between two runs, which leaves out start-up and learning."""
    seconds = (long.seconds - long.learning) - (short.seconds - short.learning)
    if seconds <= 0:
        raise click.ClickException(
            f"{long.images} images took {long.seconds:.1f} s and {short.images} took "
            f"{short.seconds:.1f} s: this machine is too busy, or the long stack too short"
        )
    return (long.images - short.images) / seconds
