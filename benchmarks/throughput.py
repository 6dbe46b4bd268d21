"""Images per second and memory of `iceblock denoise`, beside its bounds and Topaz-Denoise.

    python benchmarks/throughput.py report --topaz "topaz" --append
    python benchmarks/throughput.py speed --topaz "topaz" --box 256 --pixel-size 1.3
    python benchmarks/throughput.py memory

`--topaz` is the command that starts topaz-em 0.3.20, in an environment of its own with
setuptools < 81 so that its models load; without it only iceblock is measured. Both programs read
the same float32 stack with the same number of threads, one after the other in one run. The steady
rate is the slope between a short and a long stack, which leaves out start-up and learning. Stacks
lie in TMPDIR.
"""

from __future__ import annotations

import re
import shlex
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import median

import click
import numpy as np
from bounds import copy_seconds, disk_seconds, network_rate, warm
from denoise_runs import Timing, iceblock, slope, stacks_of, topaz
from particle_sets import make_particles
from results import record

TOPAZ = click.option(
    "--topaz", "topaz_command", metavar="COMMAND", help="That starts topaz-em 0.3.20."
)
THREADS = click.option("--threads", default=2, show_default=True)
APPEND = click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
SETS = ("64@5.3", "128@2.7", "256@1.3")
CONDITIONS = """
Steady rates: the slope between {short} and {number} images; all is measured in turn, {rounds}
times, and the median counts. MB are those of the float32 input. Network: the shipped network alone,
warm, in the same pieces and threads. Disk: the stack read in order from a disk whose cache does not
hold it, and as many bytes as the output has written and flushed. `cp`: of the float32 stack, in the
page cache and not flushed; iceblock too finds its input in the page cache, and flushes its output.
All files lie on one file system. The particles are projections of a phantom, with a CTF each, in
white noise at SNR 0.1."""
HEAD = (
    "| box | Å | output | images/s | MB/s | network alone | share | disk alone | share | `cp` "
    "| share | topaz | ratio |\n" + 13 * "|---" + "|"
)


@click.group()
def main() -> None:
    """Measure `iceblock denoise`."""


def median_of(timings: list[Timing]) -> Timing:
    """Choose the run in the middle."""
    return sorted(timings, key=lambda timing: timing.seconds)[len(timings) // 2]


@main.command()
@click.option("--set", "sets", multiple=True, default=SETS, show_default=True, metavar="BOX@Å")
@click.option("--dtype", "dtypes", multiple=True, default=("float32", "float16"), show_default=True)
@click.option("-n", "number", default=2048, show_default=True, help="Images of the long stack.")
@click.option("--short", default=256, show_default=True, help="Images of the short stack.")
@click.option("--rounds", default=3, show_default=True, help="Of iceblock and its bounds.")
@click.option("--device", default="cpu", show_default=True)
@THREADS
@TOPAZ
@APPEND
def report(
    sets: tuple[str, ...],
    dtypes: tuple[str, ...],
    number: int,
    short: int,
    rounds: int,
    device: str,
    threads: int,
    topaz_command: str | None,
    append: bool,
) -> None:
    """Steady speed and its share of what bounds it, for each box and type of the output."""
    lines = [HEAD]
    for given in sets:
        if not (parts := re.fullmatch(r"(\d+)@([\d.]+)", given)):
            raise click.BadParameter(f"{given!r} is no BOX@Å, as 128@2.7 is")
        box, pixel_size = int(parts[1]), float(parts[2])
        with tempfile.TemporaryDirectory() as name:
            stars = {n: make_particles(Path(name), n, box, pixel_size) for n in (short, number)}
            rates = bounded_rates(stars, box, pixel_size, dtypes, rounds, threads, device)
            theirs = None
            if topaz_command:
                theirs = slope(*(topaz(topaz_command, s, n, threads) for n, s in stars.items()))
        for dtype in dtypes:
            rate = rates[dtype]
            cells = [
                f"{box}",
                f"{pixel_size:g}",
                dtype,
                f"{rate:.1f}",
                f"{rate * 4e-6 * box**2:.1f}",
            ]
            for bound in ("network", f"disk {dtype}", "cp"):
                cells += [f"{rates[bound]:.0f}", f"{rate / rates[bound]:.1%}"]
            cells += [f"{theirs:.1f}", f"{rate / theirs:.1f}"] if theirs else ["", ""]
            lines.append(f"| {' | '.join(cells)} |")
    lines += CONDITIONS.format(short=short, number=number, rounds=rounds).splitlines()
    record(f"Throughput and what bounds it, {device}, {threads} threads", lines, append)


def bounded_rates(
    stars: dict[int, Path],
    box: int,
    pixel_size: float,
    dtypes: tuple[str, ...],
    rounds: int,
    threads: int,
    device: str,
) -> dict[str, float]:
    """Measure images per second.

    Parameters
    ----------
    stars
        A short and a long stack, by their numbers of images.
    box, pixel_size
        Pixels and Å.
    dtypes
        Of the output.
    rounds
        In which all is measured once.
    threads, device
        Of iceblock and of the network.

    Returns
    -------
    rates
        Of iceblock under each of `dtypes`, and of its bounds: `network`, `cp`, `disk float32` and
        so on.
    """
    short, number = stars
    (stack,) = stacks_of(stars[number])
    runs: dict[tuple[str, int], list[Timing]] = defaultdict(list)
    bounds: dict[str, list[float]] = defaultdict(list)
    iceblock(stars[short], short, threads, device=device)  # warm file cache
    for _ in range(rounds):
        bounds["network"].append(network_rate(box, pixel_size, threads, device))
        bounds["cp"].append(number / copy_seconds(stack))
        for dtype in dtypes:
            written = np.dtype(dtype).itemsize / 4
            bounds[f"disk {dtype}"].append(number / disk_seconds(stack, written))
            warm(stack)
            for n, star in stars.items():
                runs[dtype, n].append(iceblock(star, n, threads, dtype, device))
    rates = {name: median(found) for name, found in bounds.items()}
    for dtype in dtypes:
        rates[dtype] = slope(*(median_of(runs[dtype, n]) for n in stars))
    return rates


@main.command()
@TOPAZ
@click.option("--box", default=256, show_default=True)
@click.option("--pixel-size", default=1.3, show_default=True)
@click.option("-n", "number", default=1024, show_default=True)
@click.option("--short", default=128, show_default=True, help="Images of the short stack.")
@THREADS
@click.option("--repeats", default=3, show_default=True, help="Of iceblock; the median counts.")
@click.option("--further", default="", help="Options of `iceblock denoise`, such as --each-alone.")
@click.option(
    "--topaz-images",
    "for_topaz",
    nargs=2,
    type=int,
    help="Images of Topaz's short and long stack; by default those of iceblock.",
)
@APPEND
def speed(
    topaz_command: str | None,
    box: int,
    pixel_size: float,
    number: int,
    short: int,
    threads: int,
    repeats: int,
    further: str,
    for_topaz: tuple[int, int] | None,
    append: bool,
) -> None:
    """Images per second, steady and by whole-process wall time."""

    def timed(n: int) -> Timing:
        return iceblock(stars[n], n, threads, further=shlex.split(further))

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        sizes = for_topaz or (short, number)
        stars = {n: make_particles(folder, n, box, pixel_size) for n in {short, number, *sizes}}
        for star in stars.values():
            warm(*stacks_of(star))
        ours = [median_of([timed(n) for _ in range(repeats)]) for n in (short, number)]
        theirs = []
        if topaz_command:
            theirs = [topaz(topaz_command, stars[n], n, threads) for n in sizes]
    lines = [
        "| program | images | steady images/s | learning s | wall s | images/s by wall | peak MB |",
        "|---|---|---|---|---|---|---|",
    ]
    for label, timing in (("iceblock", ours), ("topaz denoise --stack", theirs)):
        if timing:
            long = timing[1]
            lines.append(
                f"| {label} | {timing[0].images} and {long.images} | {slope(*timing):.1f} | "
                f"{long.learning:.0f} | {timing[0].seconds:.1f} and {long.seconds:.1f} | "
                f"{long.images / long.seconds:.1f} | {long.peak_mb:.0f} |"
            )
    if theirs:
        steady = slope(*ours) / slope(*theirs)
        wall = ours[1].images / ours[1].seconds / (theirs[1].images / theirs[1].seconds)
        lines.append(f"| **ratio** | | **{steady:.1f}** | | | **{wall:.1f}** | |")
    record(f"Speed at {box}×{box}, {pixel_size} Å, float32, {threads} threads", lines, append)


@main.command()
@click.option("--box", default=256, show_default=True)
@click.option("--pixel-size", default=1.3, show_default=True)
@click.option("--gigabytes", nargs=2, default=(0.4, 4.0), show_default=True)
@THREADS
@APPEND
def memory(
    box: int, pixel_size: float, gigabytes: tuple[float, float], threads: int, append: bool
) -> None:
    """Peak memory and cost per image on a small and a large stack."""
    lines = ["| stack GB | images | wall s | ms per image | peak MB |", "|---|---|---|---|---|"]
    for size in gigabytes:
        with tempfile.TemporaryDirectory() as name:
            n = round(size * 1e9 / (4 * box * box))
            timing = iceblock(make_particles(Path(name), n, box, pixel_size), n, threads)
        per_image = 1e3 * timing.seconds / n
        lines.append(
            f"| {size:g} | {n} | {timing.seconds:.1f} | {per_image:.2f} | {timing.peak_mb:.0f} |"
        )
    record(f"Memory at {box}×{box}, {pixel_size} Å, float32, {threads} threads", lines, append)


if __name__ == "__main__":
    main()
