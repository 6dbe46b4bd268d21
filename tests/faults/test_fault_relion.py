"""A RELION job that is aborted or killed, and whose Continue is killed too, ends as it should.

Elsewhere: every way for a job to end (tests/relion_ext/test_external_endings.py), abort and
continue under the real relion_pipeliner (tests/relion/test_relion_denoise.py).
"""

import os
import signal
from pathlib import Path

import pytest

from .fault_room import Room, Started

JOB = Path("External/job001")
TWO = pytest.param(("--processes", 2), marks=pytest.mark.slow)


def start(room: Room, *arguments: object) -> Started:
    (room.folder / JOB).mkdir(parents=True, exist_ok=True)
    return room.start(JOB, *arguments, program="relion_iceblock_denoise")


def markers(room: Room) -> list[str]:
    found = (room.folder / JOB).glob("RELION_JOB_*")
    return sorted(path.name.removeprefix("RELION_JOB_") for path in found)


def busy(room: Room, started: Started, stacks: int = 0) -> None:
    """Wait until this run has begun, some stacks are whole, and another one is not."""
    folder = room.folder / JOB / "Particles"
    started.wait(
        until=lambda: (
            not markers(room)
            and len(list(folder.glob("[!.]*.mrcs"))) >= stacks
            and any(folder.glob(".*.partial"))
        )
    )


@pytest.mark.parametrize("processes", [(), TWO])
def test_abort_continue_killed_continue(room: Room, processes: tuple[object, ...]) -> None:
    first = start(room, *processes)
    busy(room, first)
    (room.folder / JOB / "RELION_JOB_ABORT_NOW").touch()
    first.wait()
    assert markers(room) == ["EXIT_ABORTED"], first.said
    assert "Traceback" not in first.said
    killed = start(room, *processes)
    busy(room, killed, stacks=1)
    killed.kill_all()  # the queue kills all at once: nothing can be written
    killed.wait()
    assert markers(room) == []
    last = room.finish(JOB, program="relion_iceblock_denoise")
    assert markers(room) == ["EXIT_SUCCESS"]
    assert (room.folder / JOB / "RELION_OUTPUT_NODES.star").exists()
    assert "Aborted" not in last.said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_to_a_job_in_two_processes(room: Room, number: signal.Signals) -> None:
    """The job is a child of the process that RELION knows, which outlives it."""
    first = start(room, "--processes", 2)
    busy(room, first)
    if number == signal.SIGTERM:
        first.send(number)
    else:
        (job,) = Path(f"/proc/{first.number}/task/{first.number}/children").read_text().split()
        os.kill(int(job), number)
    first.wait()
    assert markers(room) == ["EXIT_ABORTED" if number == signal.SIGTERM else "EXIT_FAILURE"]
    assert number.name in first.said
    assert "Traceback" not in first.said
    room.finish(JOB, "--processes", 2, program="relion_iceblock_denoise")
    assert markers(room) == ["EXIT_SUCCESS"]
