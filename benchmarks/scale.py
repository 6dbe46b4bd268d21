"""Very many particles: memory and bytes of one and of several processes, and large metadata.

    python benchmarks/scale.py images --append
    python benchmarks/scale.py metadata --append

`images` needs more than twice the size of the stacks in TMPDIR, and removes all of it. By torchrun,
the processes of the second run talk through gloo; by iceblock, `--processes` starts them.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from itertools import pairwise, zip_longest
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import click
import numpy as np
from denoise_runs import PROGRAM, arguments, measure, stacks_of
from resident import Watched, watch
from results import record
from wide_star import write_wide_project

from core.images.mrc.reader import HEADER_BYTES
from core.images.output_plan import plan_output
from core.images.particles import read_particles
from core.images.validation import validate

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

TIMED = ("run.json", "report.pdf", ".iceblock.lock")
"""What holds times or process numbers, and differs from run to run."""
MOST_GROWTH = 0.05
"""Part by which memory may grow between the first and the last quarter of the images."""
STAGES = ("read", "look at stacks, plan", "re-point", "write")
APPEND = click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")


@click.group()
def main() -> None:
    """Measure very many particles."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and clean up


@main.command()
@click.option("-n", "number", default=100_000, show_default=True, help="Images.")
@click.option("--box", default=128, show_default=True)
@click.option("--pixel-size", default=2.7, show_default=True)
@click.option("--stacks", default=8, show_default=True)
@click.option("--threads", default=2, show_default=True, help="Of all processes together.")
@click.option("--processes", default=2, show_default=True, help="Of the second run.")
@click.option("--by", type=click.Choice(["torchrun", "iceblock"]), default="torchrun",
              show_default=True, help="What starts them.")  # fmt: skip
@click.option("--interval", default=1.0, show_default=True, help="Seconds between looks at memory.")
@APPEND
def images(
    number: int,
    box: int,
    pixel_size: float,
    stacks: int,
    threads: int,
    processes: int,
    by: str,
    interval: float,
    append: bool,
) -> None:
    """Denoise in one process and in several: time, memory, and whether the bytes are the same."""
    from particle_sets import make_particles  # torch, which `metadata` does not need

    pixels = 4 * number * box**2
    runs: dict[str, Watched] = {}
    found: list[dict[str, str]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if shutil.disk_usage(folder).free < 2.1 * pixels:
            raise click.ClickException(f"{folder}: {2.1e-9 * pixels:.1f} GB are needed; set TMPDIR")
        star = make_particles(folder, number, box, pixel_size, stacks)
        size = pixels + HEADER_BYTES * len(stacks_of(star))
        out = folder / "Denoised"
        given = arguments(star, out, threads)
        for label, told in (("1", given), (f"{processes}", shared(given, processes, by))):
            command = [sys.executable, *told]
            runs[label] = watch(command, threads, folder / "log", out / "Particles", size, interval)
            found.append(digests(out))
            shutil.rmtree(out)
    one, several = found
    differing = sorted(name for name in {*one, *several} if one.get(name) != several.get(name))
    verdict = f"{', '.join(differing)} differ" if differing else "the same bytes (SHA-256)"
    lines = [
        "| processes | wall s | images/s | MB in the first quarter | MB in the last | most MB |",
        "|---|---|---|---|---|---|",
        *(memory_row(label, run, number) for label, run in runs.items()),
        f"\n{processes} processes by {by}; {stacks} stacks; {len(os.sched_getaffinity(0))} cores.",
        f"Both runs made {len(one)} files, the stacks and the metadata: {verdict}.",
        f"Memory is that of all processes together, looked at every {interval:g} s: medians while",
        "the first and the last quarter of the output were written.",
    ]
    title = f"{number:,} images of {box}×{box}, {pixels / 1e9:.1f} GB, {threads} threads"
    record(title, lines, append)
    if differing:
        raise click.ClickException("the two runs differ")
    if not all(growth(run) < MOST_GROWTH for run in runs.values()):
        raise click.ClickException("memory grew, or was not seen often enough")


def shared(told: list[str], processes: int, by: str) -> list[str]:
    """Turn the arguments of one process into those of several."""
    if by == "iceblock":
        return [*told, "--processes", str(processes)]
    launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)]
    return [*launcher, *told]


def digests(out: Path) -> dict[str, str]:
    """Give the SHA-256 of every output whose bytes are determined."""
    found = {}
    for path in sorted(out.rglob("*")):
        if path.is_file() and path.name not in TIMED:
            with path.open("rb") as file:
                found[str(path.relative_to(out))] = hashlib.file_digest(file, "sha256").hexdigest()
    return found


def memory_row(label: str, run: Watched, number: int) -> str:
    """Make a row of the table."""
    first, last = run.while_written(0, 0.25), run.while_written(0.75, 1)
    rate = number / run.seconds
    return (
        f"| {label} | {run.seconds:.1f} | {rate:.1f} | {first:.0f} | {last:.0f} | {run.most:.0f} |"
    )


def growth(run: Watched) -> float:
    """Part by which memory grew from the first to the last quarter; NaN where it was not seen."""
    return run.while_written(0.75, 1) / run.while_written(0, 0.25) - 1


@main.command()
@click.option("-n", "number", default=1_000_000, show_default=True, help="Particles.")
@click.option("--rounds", default=3, show_default=True, help="The median counts.")
@APPEND
def metadata(number: int, rounds: int, append: bool) -> None:
    """Read a large STAR file, point it at other images, write it: time, memory, and the way back.

    The stages are those of `iceblock denoise` beside the images: the stacks' headers are read and
    compared with the rows. At last `iceblock restore` must give every word of the source again.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        star, out, log = write_wide_project(folder, number), folder / "out.star", folder / "log"
        timings, stages = [], []
        for _ in range(rounds):
            log.unlink(missing_ok=True)
            command = [sys.executable, __file__, "repoint", str(star), str(out)]
            timings.append(measure(command, number, 1, log))
            stages.append(json.loads(log.read_text().splitlines()[-1]))
        back = folder / "back.star"
        restore = [sys.executable, *PROGRAM, "restore", str(out), "--out", str(back)]
        measure(restore, number, 1, log)
        same = all(one == other for one, other in zip_longest(rows(star), rows(back)))
        read, written = star.stat().st_size / 1e6, out.stat().st_size / 1e6
    columns = ["whole process", *STAGES]
    peak = max(timing.peak_mb for timing in timings)
    wall = [median(timing.seconds for timing in timings), *medians(stages, 0)]
    work = [median(timing.work for timing in timings), *medians(stages, 1)]
    lines = [
        f"| | {' | '.join(columns)} | peak MB |",
        "|---" * (len(columns) + 2) + "|",
        f"| wall s | {' | '.join(f'{s:.2f}' for s in wall)} | {peak:.0f} |",
        f"| CPU s | {' | '.join(f'{s:.2f}' for s in work)} | |",
        f"\n{read:.0f} MB in, {written:.0f} MB out, flushed; medians of {rounds} runs.",
        f"`iceblock restore` gives {'all' if same else 'NOT all'} words of the source again.",
    ]
    record(f"A STAR file of {number:,} rows and 30 columns", lines, append)
    if not same:
        raise click.ClickException("the restored file is not the source")


def medians(stages: list[list[list[float]]], clock: int) -> list[float]:
    """Seconds of each stage by one of the clocks, in the round in the middle."""
    return [median(found[clock] for found in stage) for stage in zip(*stages, strict=True)]


def rows(star: Path) -> Iterator[list[bytes]]:
    """Give the words of every line of a STAR file that has any."""
    with star.open("rb") as file:
        yield from filter(None, map(bytes.split, file))


@main.command(hidden=True)
@click.argument("star", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def repoint(star: Path, out: Path) -> None:
    """Do the stages once and print the seconds of each, by the wall and of the CPU, as JSON."""
    times = [clocks()]
    particles = read_particles(star)
    times.append(clocks())
    plan = plan_output(particles, validate(particles))
    times.append(clocks())
    folder = particles.relative_name(out.parent / "Particles")
    made = particles.with_images(plan.image_names(folder))
    times.append(clocks())
    made.write(out)
    times.append(clocks())
    print(json.dumps([(end - begin).tolist() for begin, end in pairwise(times)]))


def clocks() -> npt.NDArray[np.float64]:
    """Wall time and the processor's time of this process, in s."""
    return np.array([time.perf_counter(), time.process_time()])


if __name__ == "__main__":
    main()
