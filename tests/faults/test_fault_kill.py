"""Runs that are killed, stopped or lose a process end with the bytes of an undisturbed run.

Elsewhere: a stopped stack at every batch (tests/denoise/test_stacks.py), the stack writer cut at
any byte (tests/images/test_mrc_write.py), every end of a RELION job (tests/relion_ext), training
(tests/denoise/test_resume.py).
"""

import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from .fault_room import Room, workers

OUT = Path("Out")


def written(folder: Path) -> int:
    """Bytes of the stacks, the hidden ones included."""
    total = 0
    for path in (folder / OUT / "Particles").glob("*"):
        try:
            total += path.stat().st_size
        except FileNotFoundError:  # renamed in this moment
            continue
    return total


def random_moment(room: Room, rng: random.Random) -> Callable[[], bool]:
    """Choose a share of the stacks' bytes, or, for what comes after them, of the time."""
    if rng.random() < 0.6:
        share = rng.random() * sum(map(len, room.expected.values()))
        return lambda: written(room.folder) >= share
    end = time.monotonic() + rng.random() * room.seconds
    return lambda: time.monotonic() >= end


def kill_at_random(room: Room, rng: random.Random, *arguments: object) -> bool:
    """Kill a run, all its processes at once; tells whether it was still at work."""
    started = room.start(OUT, *arguments)
    started.wait(until=random_moment(room, rng))
    at_work = started.poll() is None
    started.kill_all()
    started.wait()
    return at_work


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_at_random_moments(room: Room, seed: int) -> None:
    """Five times four moments; all four hit the same run."""
    rng = random.Random(seed)
    kills = [kill_at_random(room, rng) for _ in range(4)]
    assert any(kills)
    room.finish(OUT)


@pytest.mark.slow
def test_kill_9_of_a_run_in_two_processes(room: Room) -> None:
    """What two processes began, one finishes."""
    rng = random.Random(5)
    for _ in range(2):
        kill_at_random(room, rng, "--processes", "2")
    room.finish(OUT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_signals(room: Room, number: signal.Signals) -> None:
    started = room.start(OUT)
    started.wait(until=lambda: written(room.folder) > 200_000)
    started.send(number)
    assert started.wait() != 0
    assert "Traceback" not in started.said
    assert not (room.folder / OUT / "particles.star").exists()
    room.finish(OUT)


def gone(number: int) -> bool:
    try:
        return "\nState:\tZ" in Path(f"/proc/{number}/status").read_text()
    except OSError:
        return True


@pytest.mark.slow
def test_a_process_that_dies_ends_the_run(room: Room) -> None:
    started = room.start(OUT, "--processes", "2")
    started.wait(until=lambda: written(room.folder) > 100_000)
    os.kill(workers(started.number)[1], signal.SIGKILL)
    assert started.wait() == 1
    assert "was killed (SIGKILL)" in started.said
    assert "Traceback" not in started.said
    whole = {p: p.stat().st_ino for p in (room.folder / OUT / "Particles").glob("[!.]*.mrcs")}
    room.finish(OUT)
    assert {path: path.stat().st_ino for path in whole} == whole


@pytest.mark.slow
def test_processes_do_not_outlive_the_one_that_started_them(room: Room) -> None:
    started = room.start(OUT, "--processes", "2")
    started.wait(until=lambda: written(room.folder) > 0)
    helpers = workers(started.number)
    assert len(helpers) == 2
    started.send(signal.SIGKILL)
    # At once, while the helpers may still be at work.
    room.finish(OUT)
    assert all(gone(number) for number in helpers)
