"""Images per second and memory of `iceblock denoise`, beside Topaz-Denoise on the same stack.

    python benchmarks/throughput.py speed --topaz "topaz" --box 256 --pixel-size 1.3
    python benchmarks/throughput.py memory

`--topaz` is the command that starts topaz-em 0.3.20, in an environment of its own with
setuptools < 81 so that its models load; without it only iceblock is measured. Both programs read
the same float32 stack with the same number of threads, one after the other in one run. The steady
rate is the slope between a short and a long stack, which leaves out start-up. Results are appended
to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np
from results import record

from core.images.mrc_writer import StackWriter


@dataclass(frozen=True)
class Timing:
    """One process."""

    images: int
    seconds: float
    peak_mb: float


def make_stack(folder: Path, n: int, box: int, pixel_size: float) -> Path:
    """Write n noisy images and a STAR file for them; returns the STAR file."""
    rng = np.random.default_rng(0)
    block = rng.standard_normal((256, box, box)).astype(np.float32)
    d = np.arange(box) - box // 2
    block += 0.5 * np.exp(-(d[:, None] ** 2 + d**2) / (2 * (box / 8) ** 2)).astype(np.float32)
    with StackWriter(folder / f"{n}.mrcs", n, box, pixel_size) as writer:
        for start in range(0, n, len(block)):
            writer.append(np.roll(block, start // len(block), axis=0)[: n - start])
    rows = "\n".join(f"{i + 1:06d}@{n}.mrcs 1" for i in range(n))
    star = folder / f"{n}.star"
    star.write_text(
        "data_optics\n\nloop_\n_rlnOpticsGroup #1\n_rlnImagePixelSize #2\n_rlnImageSize #3\n"
        f"1 {pixel_size} {box}\n\ndata_particles\n\nloop_\n_rlnImageName #1\n"
        f"_rlnOpticsGroup #2\n{rows}\n"
    )
    return star


def measure(command: list[str], images: int, threads: int, log: Path) -> Timing:
    """Run a process to its end; wall time and its peak resident memory."""
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    with log.open("ab") as output:
        begin = time.perf_counter()
        process = subprocess.Popen(command, env=environment, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - begin
    if os.waitstatus_to_exitcode(status) != 0:
        raise click.ClickException(f"{shlex.join(command)} failed:\n{log.read_text()[-2000:]}")
    return Timing(images, seconds, usage.ru_maxrss / 1024)


def iceblock(star: Path, images: int, threads: int, dtype: str = "float32") -> Timing:
    """Time one run of `iceblock denoise` on the CPU."""
    out = star.parent / "iceblock"
    shutil.rmtree(out, ignore_errors=True)
    program = [sys.executable, "-c", "from core.commands.main import main; main()"]
    command = [*program, "denoise", str(star), "--out", str(out), "--device", "cpu", "-q"]
    command += ["--threads", str(threads), "--dtype", dtype]
    timing = measure(command, images, threads, star.parent / "iceblock.log")
    shutil.rmtree(out)
    return timing


def topaz(command: str, star: Path, images: int, threads: int) -> Timing:
    """Time one run of `topaz denoise --stack` on the CPU."""
    out = star.parent / "topaz.mrcs"
    arguments = ["denoise", "--stack", str(star.with_suffix(".mrcs")), "-o", str(out), "-d", "-1"]
    return measure([*shlex.split(command), *arguments], images, threads, star.parent / "topaz.log")


def slope(short: Timing, long: Timing) -> float:
    """Images per second between two runs."""
    return (long.images - short.images) / (long.seconds - short.seconds)


@click.group()
def main() -> None:
    """Measure `iceblock denoise`."""


@main.command()
@click.option("--topaz", "topaz_command", help="Command that starts topaz-em 0.3.20.")
@click.option("--box", default=256, show_default=True)
@click.option("--pixel-size", default=1.3, show_default=True)
@click.option("-n", "number", default=1024, show_default=True)
@click.option("--short", default=128, show_default=True, help="Images of the short stack.")
@click.option("--threads", default=2, show_default=True)
@click.option("--repeats", default=3, show_default=True, help="Of iceblock; the median counts.")
def speed(
    topaz_command: str | None,
    box: int,
    pixel_size: float,
    number: int,
    short: int,
    threads: int,
    repeats: int,
) -> None:
    """Images per second, steady and by whole-process wall time."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stars = {n: make_stack(folder, n, box, pixel_size) for n in (short, number)}
        iceblock(stars[short], short, threads)  # warm file cache
        runs = {n: [iceblock(s, n, threads) for _ in range(repeats)] for n, s in stars.items()}
        ours = {n: sorted(r, key=lambda t: t.seconds)[repeats // 2] for n, r in runs.items()}
        theirs = (
            {n: topaz(topaz_command, s, n, threads) for n, s in stars.items()}
            if topaz_command
            else {}
        )
    lines = [
        f"| program | steady images/s | wall s for {number} images | images/s by wall | peak MB |",
        "|---|---|---|---|---|",
    ]
    for label, timing in (("iceblock", ours), ("topaz denoise --stack", theirs)):
        if timing:
            long = timing[number]
            lines.append(
                f"| {label} | {slope(timing[short], long):.1f} | {long.seconds:.1f} | "
                f"{number / long.seconds:.1f} | {long.peak_mb:.0f} |"
            )
    if theirs:
        steady = slope(ours[short], ours[number]) / slope(theirs[short], theirs[number])
        wall = theirs[number].seconds / ours[number].seconds
        lines.append(f"| **ratio** | **{steady:.1f}** | | **{wall:.1f}** | |")
    record(f"Speed at {box}×{box}, {pixel_size} Å, float32, {threads} threads", lines)


@main.command()
@click.option("--box", default=256, show_default=True)
@click.option("--pixel-size", default=1.3, show_default=True)
@click.option("--gigabytes", nargs=2, default=(0.4, 4.0), show_default=True)
@click.option("--threads", default=2, show_default=True)
def memory(box: int, pixel_size: float, gigabytes: tuple[float, float], threads: int) -> None:
    """Peak memory and cost per image on a small and a large stack."""
    lines = ["| stack GB | images | wall s | ms per image | peak MB |", "|---|---|---|---|---|"]
    for size in gigabytes:
        with tempfile.TemporaryDirectory() as name:
            n = round(size * 1e9 / (4 * box * box))
            timing = iceblock(make_stack(Path(name), n, box, pixel_size), n, threads)
        per_image = 1e3 * timing.seconds / n
        lines.append(
            f"| {size:g} | {n} | {timing.seconds:.1f} | {per_image:.2f} | {timing.peak_mb:.0f} |"
        )
    record(f"Memory at {box}×{box}, {pixel_size} Å, float32, {threads} threads", lines)


if __name__ == "__main__":
    main()
