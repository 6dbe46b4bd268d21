"""Generated particles, and `iceblock denoise` and topaz-em as processes that are timed on them."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np

from core.images.mrc_writer import StackWriter

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

BLOCK = 256
"""Images that are generated at a time."""
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


def make_particles(folder: Path, n: int, box: int, pixel_size: float, stacks: int = 1) -> Path:
    """Write n different noisy images, shared evenly over stacks, and a STAR file for them.

    Parameters
    ----------
    folder
        For `N.star` and `N_1.mrcs`, `N_2.mrcs` and so on.
    n
        Images altogether.
    box
        Pixels.
    pixel_size
        Å.
    stacks
        How many.

    Returns
    -------
    star
        The STAR file.
    """
    rng = np.random.default_rng(0)
    d = np.arange(box) - box // 2
    blob = 0.5 * np.exp(-(d[:, None] ** 2 + d**2) / (2 * (box / 8) ** 2)).astype(np.float32)
    rows = []
    for number, share in enumerate(np.array_split(np.arange(n), stacks), 1):
        stack = folder / f"{n}_{number}.mrcs"
        with StackWriter(stack, len(share), box, pixel_size) as writer:
            for start in range(0, len(share), BLOCK):
                shape = (min(BLOCK, len(share) - start), box, box)
                writer.append(rng.standard_normal(shape, dtype=np.float32) + blob)
        rows += [f"{i:06d}@{stack.name} 1" for i in range(1, len(share) + 1)]
    star = folder / f"{n}.star"
    star.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnImagePixelSize #2\n_rlnImageSize #3\n"
        f"1 {pixel_size} {box}\n\ndata_particles\n\nloop_\n_rlnImageName #1\n"
        "_rlnOpticsGroup #2\n" + "\n".join(rows) + "\n"
    )
    return star


def stacks_of(star: Path) -> list[Path]:
    """List the stacks that `make_particles` wrote with a STAR file."""
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
    star: Path, images: int, threads: int, dtype: str = "float32", device: str = "cpu"
) -> Timing:
    """Time one run of `iceblock denoise`; nothing of it is left."""
    out = star.parent / "iceblock"
    shutil.rmtree(out, ignore_errors=True)
    told = arguments(star, out, threads, "--dtype", dtype, device=device)
    timing = measure([sys.executable, *told], images, threads, star.parent / "iceblock.log")
    shutil.rmtree(out)
    return timing


def topaz(command: str, star: Path, images: int, threads: int) -> Timing:
    """Time one run of `topaz denoise --stack` on the CPU."""
    (stack,) = stacks_of(star)
    out = star.parent / "topaz.mrcs"
    told = ["denoise", "--stack", str(stack), "-o", str(out), "-d", "-1"]
    return measure([*shlex.split(command), *told], images, threads, star.parent / "topaz.log")


def slope(short: Timing, long: Timing) -> float:
    """Images per second between two runs, which leaves out start-up."""
    if long.seconds <= short.seconds:
        raise click.ClickException(
            f"{long.images} images took {long.seconds:.1f} s and {short.images} took "
            f"{short.seconds:.1f} s: this machine is too busy, or the long stack too short"
        )
    return (long.images - short.images) / (long.seconds - short.seconds)
