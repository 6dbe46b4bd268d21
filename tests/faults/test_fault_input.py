"""Input that changes, clocks that are wrong, and two runs that want one folder.

Elsewhere: a changed STAR file, other options, an output folder that holds the input
(tests/commands/test_denoise.py), locks (tests/runs/test_folder.py).
"""

import os
import time
from pathlib import Path

import mrcfile
import pytest

from .fault_room import STAR, Room

OUT = Path("Out")
YEARS = 365 * 24 * 3600
STACK = Path("Extract/job003/1/mic.mrcs")


def stop_half_way(room: Room, *arguments: object) -> None:
    """Kill a run that has one whole stack."""
    started = room.start_to_gate(OUT, *arguments, stacks=1)
    started.kill_all()
    started.wait()
    room.gate.open()
    assert not (room.folder / OUT / "particles.star").exists()


def test_stack_that_changed_between_two_runs(room: Room) -> None:
    stop_half_way(room)
    before = (room.folder / OUT / "Particles").stat().st_mtime_ns
    with mrcfile.open(room.folder / STACK, "r+") as file:
        file.data[0] = file.data[1]
    refused = room.run(OUT)
    assert refused.poll() == 1
    assert "holds another run (different: stacks)" in refused.said
    assert (room.folder / OUT / "Particles").stat().st_mtime_ns == before
    assert room.run(OUT, "--overwrite").poll() == 0
    assert room.wrong(OUT) != []  # another input, another output


def test_model_that_changed_between_two_runs(room: Room) -> None:
    stop_half_way(room)
    path = room.folder / "tiny.safetensors"
    data = bytearray(path.read_bytes())
    data[-3] ^= 1
    path.write_bytes(data)
    refused = room.run(OUT)
    assert refused.poll() == 1
    assert "holds another run (different: model sha256)" in refused.said


def test_stack_that_is_rewritten_under_the_run(room: Room) -> None:
    """Nobody knows which images the run saw: it must not end as if all was well."""
    started = room.start_to_gate(OUT)
    with mrcfile.open(room.folder / STACK, "r+") as file:
        file.data[:] += 1
    room.gate.open()
    assert started.wait() == 1
    assert "changed while they were denoised" in started.said
    assert not (room.folder / OUT / "particles.star").exists()
    assert room.run(OUT).poll() == 1
    assert room.run(OUT, "--overwrite").poll() == 0


@pytest.mark.parametrize("years", [-60, -1, 75])
def test_clock_skew(room: Room, years: int) -> None:
    """Input from a machine whose clock is years off, and output that is dated likewise."""
    then = time.time() + years * YEARS
    for path in (room.folder / "Extract").rglob("*.*"):
        os.utime(path, (then, then))
    stop_half_way(room)
    for path in (room.folder / OUT).rglob("*"):
        os.utime(path, (-then, -then) if then < 0 else (then, then))
    made = {p: p.stat().st_ino for p in (room.folder / OUT / "Particles").glob("[!.]*.mrcs")}
    room.finish(OUT)
    assert {path: path.stat().st_ino for path in made} == made


@pytest.mark.parametrize("processes", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_two_runs_into_one_folder(room: Room, processes: int) -> None:
    first = room.start_to_gate(OUT, processes=processes)
    second = room.start(Path("Out/."), "--overwrite")
    assert second.wait() == 1
    assert "Another run is writing to Out" in second.said
    room.gate.open()
    assert first.wait() == 0, first.said
    assert room.wrong(OUT) == []


def test_input_is_never_touched(room: Room) -> None:
    before = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in _files(room.folder / "Extract")}
    stop_half_way(room)
    room.finish(OUT)
    after = {p: (p.read_bytes(), p.stat().st_mtime_ns) for p in _files(room.folder / "Extract")}
    assert before == after
    assert room.folder / STAR in after


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]
