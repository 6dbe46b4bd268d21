"""Disturb `iceblock denoise` in every way that a lab knows, and count what is lost or wrong.

    python benchmarks/faults.py --times 100 --append

Each try disturbs a run on generated particles at a moment drawn at random, gives the same command
again, and compares every byte of the stacks, the metadata and the list of unusable images with
those of an undisturbed run. `hit` counts the tries in which the run was still at work. The same
faults are tests, one by one, in tests/faults, whose small project is used here.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

sys.path.insert(0, str(Path(__file__).parents[1]))
from results import record

from core.denoise.generator import GeneratorConfig
from tests.faults.fault_room import Room, make_room, outputs, workers
from tests.gate import SITE
from tests.warm import Started, WarmServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RELION = "relion_iceblock_denoise"
# about a second for a run, to be met at work
SLOW = GeneratorConfig(widths=(32, 64), strides=(1, 2), residual_blocks=30, stem_kernel=3)
STACK = Path("Extract/job003/1/mic.mrcs")


@dataclass
class Try:
    """One disturbed run: where, and the chance that decides on the moment."""

    room: Room
    out: Path
    rng: random.Random

    def moment(self, started: Started) -> bool:
        """Wait for a moment drawn from the run's bytes or its time; tell whether it still runs."""
        if self.rng.random() < 0.6:
            share = self.rng.random() * sum(map(len, self.room.expected.values()))
            started.wait(until=lambda: self._written() >= share)
        else:
            end = time.monotonic() + self.rng.random() * self.room.seconds
            started.wait(until=lambda: time.monotonic() >= end)
        return started.poll() is None

    def again(self, *arguments: object, **options: object) -> int:
        """Give the command again; returns the bytes that are lost or wrong."""
        last = self.room.run(self.out, *arguments, **options)
        if last.poll() != 0:
            raise click.ClickException(f"the command given again failed:\n{last.said}")
        found, expected = outputs(self.room.folder, self.out), self.room.expected
        return sum(
            differing(found.get(name, b""), expected.get(name, b"")) for name in {*found, *expected}
        )

    def _written(self) -> int:
        sizes = []
        for path in (self.room.folder / self.out / "Particles").glob("*"):
            try:
                sizes.append(path.stat().st_size)
            except FileNotFoundError:  # renamed in this moment
                continue
        return sum(sizes)


def differing(one: bytes, other: bytes) -> int:
    """Count places where two files differ, and what one has beyond the other's end."""
    common = sum(a != b for a, b in zip(one, other, strict=False)) if one != other else 0
    return common + abs(len(one) - len(other))


def signalled(number: signal.Signals, *arguments: object) -> Callable[[Try], tuple[bool, int]]:
    """Make the fault of a signal to all processes, or, for those that end a run, to the first."""

    def fault(one: Try) -> tuple[bool, int]:
        started = one.room.start(one.out, *arguments)
        hit = one.moment(started)
        if number == signal.SIGKILL:
            started.kill_all()
        else:
            started.send(number)
        started.wait()
        return hit, one.again()

    return fault


def first_of_two(one: Try) -> tuple[bool, int]:
    """Kill the process that started two, and give the command at once."""
    started = one.room.start(one.out, "--processes", 2)
    hit = one.moment(started)
    started.send(signal.SIGKILL)
    return hit, one.again()


def worker(one: Try) -> tuple[bool, int]:
    """Kill one of the two processes that denoise."""
    started = one.room.start(one.out, "--processes", 2)
    one.moment(started)
    for number in workers(started.number)[1:]:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    return started.wait() != 0, one.again()


def aborted(one: Try) -> tuple[bool, int]:
    """Abort a RELION job, continue it, kill that, and continue again."""
    job = one.room.folder / one.out
    job.mkdir()
    hit = False
    for kill in (False, True):
        started = one.room.start(one.out, program=RELION)
        hit |= one.moment(started)
        if kill:
            started.kill_all()
        elif started.poll() is None:
            (job / "RELION_JOB_ABORT_NOW").touch()
        started.wait()
    return hit, one.again(program=RELION)


def limited(one: Try) -> tuple[bool, int]:
    """Allow no file beyond a random size."""
    largest = max(map(len, one.room.expected.values()))
    failed = one.room.run(one.out, largest_file=one.rng.randrange(400, largest))
    return failed.poll() == 1, one.again()


@contextlib.contextmanager
def mounted(folder: Path, size: int) -> Iterator[list[str]]:
    """Mount an empty disk of so many kilobytes; gives what changes its options."""
    folder.mkdir(exist_ok=True)
    words = ["mount", "-t", "tmpfs", "tmpfs", str(folder), "-o"]
    subprocess.run([*words, f"size={size}k"], check=True)
    try:
        yield words
    finally:
        subprocess.run(["umount", "-l", folder], check=False, stderr=subprocess.DEVNULL)


def full(one: Try) -> tuple[bool, int]:
    """Fill a disk of a random size, then make room on it."""
    pages = sum(map(len, one.room.expected.values())) // 4096 + 30
    with mounted(one.room.folder / one.out, 4 * one.rng.randrange(1, pages)) as mount:
        failed = one.room.run(one.out)
        subprocess.run([*mount, "remount,size=9000k"], check=True)
        return failed.poll() == 1, one.again()


def read_only(one: Try) -> tuple[bool, int]:
    """Kill a run, and try to go on while its disk is read-only."""
    with mounted(one.room.folder / one.out, 9000) as mount:
        started = one.room.start(one.out)
        one.moment(started)
        started.kill_all()
        started.wait()
        subprocess.run([*mount, "remount,ro"], check=True)
        failed = one.room.run(one.out)
        subprocess.run([*mount, "remount,rw"], check=True)
        return failed.poll() == 1, one.again()


def unmounted(one: Try) -> tuple[bool, int]:
    """Unmount the disk of an input stack under the run, and mount it again."""
    place = (one.room.folder / STACK).parent
    aside = place.with_name("aside")
    place.rename(aside)
    place.mkdir()
    bind = ["mount", "--bind", str(aside), str(place)]
    try:
        subprocess.run(bind, check=True)
        started = one.room.start(one.out)
        one.moment(started)
        subprocess.run(["umount", "-l", place], check=True)
        hit = started.wait() != 0
        subprocess.run(bind, check=True)
        return hit, one.again()
    finally:
        subprocess.run(["umount", "-l", place], check=False, stderr=subprocess.DEVNULL)
        place.rmdir()
        aside.rename(place)


def vanished(one: Try) -> tuple[bool, int]:
    """Take an input stack away under the run, and put it back."""
    stack = one.room.folder / STACK
    started = one.room.start(one.out)
    one.moment(started)
    stack.rename(stack.with_suffix(".away"))
    hit = started.wait() != 0
    stack.with_suffix(".away").rename(stack)
    return hit, one.again()


def changed(one: Try) -> tuple[bool, int]:
    """Kill a run and change an input stack, which must be noticed; then undo the change."""
    started = one.room.start(one.out)
    one.moment(started)
    started.kill_all()
    started.wait()
    if not (one.room.folder / one.out / "run.json").exists():  # it has not looked at the stacks
        return False, one.again()
    stack = one.room.folder / STACK
    before, whole = stack.stat(), stack.read_bytes()
    place = one.rng.randrange(1024, len(whole))
    stack.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
    noticed = one.room.run(one.out).poll() == 1
    stack.write_bytes(whole)
    os.utime(stack, ns=(before.st_atime_ns, before.st_mtime_ns))
    return noticed, one.again()


def skewed(one: Try) -> tuple[bool, int]:
    """Kill a run and date what it left years back or ahead."""
    started = one.room.start(one.out)
    hit = one.moment(started)
    started.kill_all()
    started.wait()
    then = time.time() + one.rng.uniform(-40, 40) * 365 * 24 * 3600
    for path in (one.room.folder / one.out).rglob("*"):
        os.utime(path, (then, then))
    return hit, one.again()


def doubled(one: Try) -> tuple[bool, int]:
    """Start the command a second time while it runs."""
    first = one.room.start(one.out)
    hit = one.moment(first)
    second = one.room.start(one.out)
    first.wait()
    second.wait()
    return hit, one.again()


FAULTS: dict[str, Callable[[Try], tuple[bool, int]]] = {
    "kill -9": signalled(signal.SIGKILL),
    "kill -9 of two processes": signalled(signal.SIGKILL, "--processes", 2),
    "kill -9 of the first of them alone": first_of_two,
    "kill -9 of the second alone": worker,
    "SIGTERM": signalled(signal.SIGTERM),
    "SIGTERM to two processes": signalled(signal.SIGTERM, "--processes", 2),
    "Ctrl-C": signalled(signal.SIGINT),
    "hang-up": signalled(signal.SIGHUP),
    "RELION's abort, then a killed Continue": aborted,
    "full disk": full,
    "limit on the size of files": limited,
    "disk that turns read-only": read_only,
    "input stack that vanishes and comes back": vanished,
    "disk of an input stack unmounted and mounted again": unmounted,
    "input stack changed between two runs, and back": changed,
    "clock years off between two runs": skewed,
    "the same run twice at once": doubled,
}


@click.command()
@click.option("--times", default=20, show_default=True, help="Tries of each fault.")
@click.option("--seed", default=0, show_default=True)
@click.option("--only", metavar="TEXT", default="", help="Faults whose name holds this.")
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(times: int, seed: int, only: str, append: bool) -> None:
    """Print the table of faults."""
    lines = ["| fault | tried | hit | lost or wrong bytes |", "|---|---|---|---|"]
    server = WarmServer([SITE], ["core.runs.denoise.run"])
    with tempfile.TemporaryDirectory() as name:
        room = make_room(Path(name), server, network=SLOW)
        for fault, disturb in FAULTS.items():
            if only not in fault:
                continue
            rng = random.Random(f"{seed} {fault}")
            hits = wrong = 0
            try:
                for _ in range(times):
                    hit, lost = disturb(Try(room, Path("Out"), rng))
                    hits, wrong = hits + hit, wrong + lost
                    shutil.rmtree(room.folder / "Out")
                lines.append(f"| {fault} | {times} | {hits} | {wrong} |")
            except subprocess.CalledProcessError:
                lines.append(f"| {fault} | not permitted here | | |")
            print(lines[-1], file=sys.stderr, flush=True)
    server.close()
    record("Faults", lines, append)


if __name__ == "__main__":
    main()
