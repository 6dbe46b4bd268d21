"""Runs that are killed, stopped or lose a process end with the bytes of an undisturbed run.

Elsewhere: a stopped stack at every batch (tests/denoise/test_stacks.py), the stack writer cut at
any byte (tests/images/test_mrc_write.py), every end of a RELION job (tests/relion_ext), training
(tests/denoise/test_resume.py).
"""

import os
import random
import signal
from pathlib import Path

import pytest

from .fault_room import Room, workers

OUT = Path("Out")


@pytest.mark.parametrize("seed", range(5))
def test_kill_9_at_random_moments(room: Room, seed: int) -> None:
    """Five times four moments; all four hit the same run, each before it touches a file."""
    rng = random.Random(seed)
    kills = 0
    for _ in range(4):
        room.gate.kill_at(rng.randint(1, room.touches))
        kills += room.run(OUT).poll() == -signal.SIGKILL
    assert kills
    room.gate.open()
    room.finish(OUT)


@pytest.mark.slow
def test_kill_9_of_a_run_in_two_processes(room: Room) -> None:
    """What two processes began, one finishes."""
    killed = room.start_to_gate(OUT, stacks=1, processes=2)
    killed.kill_all()
    assert killed.wait() == -signal.SIGKILL
    room.gate.open()
    room.finish(OUT)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_stop_signals(room: Room, number: signal.Signals) -> None:
    started = room.start_to_gate(OUT, stacks=1)
    started.send(number)
    room.gate.open()
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
    started = room.start_to_gate(OUT, stacks=1, processes=2)
    os.kill(workers(started.number)[1], signal.SIGKILL)
    assert started.wait() == 1
    assert "was killed (SIGKILL)" in started.said
    assert "Traceback" not in started.said
    room.gate.open()
    whole = {p: p.stat().st_ino for p in (room.folder / OUT / "Particles").glob("[!.]*.mrcs")}
    room.finish(OUT)
    assert {path: path.stat().st_ino for path in whole} == whole


@pytest.mark.slow
def test_processes_do_not_outlive_the_one_that_started_them(room: Room) -> None:
    started = room.start_to_gate(OUT, processes=2)
    helpers = workers(started.number)
    assert len(helpers) == 2
    started.send(signal.SIGKILL)
    room.gate.open()  # at once, while the helpers may still be at work
    room.finish(OUT)
    assert all(gone(number) for number in helpers)
