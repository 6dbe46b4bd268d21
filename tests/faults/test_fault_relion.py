"""A RELION job that is aborted or killed, and whose Continue is killed too, ends as it should.

Elsewhere: every way for a job to end (tests/relion_ext/test_external_endings.py), abort and
continue under the real relion_pipeliner (tests/relion/test_relion_denoise.py).
"""

import os
import signal
from pathlib import Path

import pytest

from ..warm import Started
from .fault_room import Room

JOB = Path("External/job001")
RELION = "relion_iceblock_denoise"


def start_to_gate(room: Room, processes: int, stacks: int = 0) -> Started:
    (room.folder / JOB).mkdir(parents=True, exist_ok=True)
    return room.start_to_gate(JOB, stacks=stacks, processes=processes, program=RELION)


def markers(room: Room) -> list[str]:
    found = (room.folder / JOB).glob("RELION_JOB_*")
    return sorted(path.name.removeprefix("RELION_JOB_") for path in found)


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_abort_continue_killed_continue(room: Room, processes: int) -> None:
    first = start_to_gate(room, processes)
    request = room.folder / JOB / "RELION_JOB_ABORT_NOW"
    request.touch()
    first.wait(until=lambda: not request.exists())
    if processes == 1:  # it stops by itself at its next batch; two are stopped at the gate
        room.gate.open()
    first.wait()
    assert markers(room) == ["EXIT_ABORTED"], first.said
    assert "Traceback" not in first.said
    assert "did not stop by itself" not in first.said
    killed = start_to_gate(room, processes, stacks=1)
    killed.kill_all()  # the queue kills all at once: nothing can be written
    killed.wait()
    assert markers(room) == []
    room.gate.open()
    last = room.finish(JOB, program=RELION)
    assert markers(room) == ["EXIT_SUCCESS"]
    assert (room.folder / JOB / "RELION_OUTPUT_NODES.star").exists()
    assert "Aborted" not in last.said


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_signals_to_a_job_in_two_processes(room: Room, number: signal.Signals) -> None:
    """The job is a child of the process that RELION knows, which outlives it."""
    first = start_to_gate(room, processes=2)
    if number == signal.SIGTERM:
        first.send(number)
    else:
        (job,) = Path(f"/proc/{first.number}/task/{first.number}/children").read_text().split()
        os.kill(int(job), number)
    first.wait()
    assert markers(room) == ["EXIT_ABORTED" if number == signal.SIGTERM else "EXIT_FAILURE"]
    assert number.name in first.said
    assert "Traceback" not in first.said
    room.gate.open()
    room.finish(JOB, program=RELION)
    assert markers(room) == ["EXIT_SUCCESS"]
