"""Disks that fill up, are read-only or go away: one sentence, and the same command goes on.

Elsewhere: each kind of error of a write, and a full disk under one stack
(tests/images/test_mrc_write.py), a full disk under a CryoSPARC job (tests/cryosparc).
"""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..warm import Started
from .fault_room import STAR, Room

OUT = Path("Out")


def assert_one_sentence(failed: Started, *told: str) -> None:
    assert failed.poll() == 1, failed.said
    lines = [line for line in failed.said.splitlines() if not line.startswith("WARNING: ")]
    assert len(lines) == 1, failed.said
    assert lines[0].startswith("iceblock: ")
    for words in told:
        assert words in failed.said


def mount(folder: Path, kilobytes: int, *, again: bool = False) -> None:
    options = f"{'remount,' if again else ''}size={kilobytes}k"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    try:
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a file system is not permitted here")


@pytest.fixture
def small_disk(room: Room) -> Iterator[Path]:
    """A disk of 4 kB as the output folder."""
    folder = room.folder / OUT
    folder.mkdir()
    mount(folder, 4)
    yield folder
    subprocess.run(["umount", "-l", folder], check=False, capture_output=True)


def test_full_disk_at_any_write(room: Room, small_disk: Path) -> None:
    """The disk grows by little and little: each time it is full at a later write."""
    failures = 0
    size = 4
    while (run := room.run(OUT)).poll() != 0:
        assert_one_sentence(run, "the disk is full", "free some space")
        failures += 1
        size += 90
        mount(small_disk, size, again=True)
    assert failures >= 8
    assert room.wrong(OUT) == []


def test_limit_on_the_size_of_files(room: Room) -> None:
    """The kernel refuses the same way what lies beyond a quota; each size stops another file."""
    largest = max(map(len, room.expected.values()))
    for limit in (400, 5_000, 60_000, largest - 1):
        failed = room.run(OUT, largest_file=limit)
        assert_one_sentence(failed, "allows no file of this size", "ulimit -f")
    room.finish(OUT)


def test_read_only_output(room: Room) -> None:
    folder = room.folder / OUT
    folder.mkdir()
    mount(folder, 4000)
    try:
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        assert_one_sentence(room.run(OUT), "read-only file system", "another output folder")
        assert list(folder.iterdir()) == []
        subprocess.run(["mount", "-o", "remount,rw", folder], check=True)
        room.finish(OUT)
    finally:
        subprocess.run(["umount", "-l", folder], check=False)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_forbidden_output(room: Room) -> None:
    (room.folder / OUT).mkdir(mode=0o500)
    assert_one_sentence(room.run(OUT), "permission denied")


def test_stack_on_a_mount_that_vanishes(room: Room) -> None:
    """The disk with one stack goes away while another is denoised, and comes back."""
    place = room.folder / "Extract/job003/2"
    aside = room.folder / "aside"
    shutil.copytree(place, aside)
    mount(place, 4000)
    try:
        shutil.copytree(aside, place, dirs_exist_ok=True, copy_function=shutil.copy2)
        started = room.start_to_gate(OUT)
        subprocess.run(["umount", "-l", place], check=True)
        shutil.rmtree(place)
        room.gate.open()
        started.wait()
    finally:
        subprocess.run(["umount", "-l", place], check=False, capture_output=True)
    assert_one_sentence(started, "Extract/job003/2/mic.mrcs does not exist")
    shutil.copytree(aside, place, copy_function=shutil.copy2)
    room.finish(OUT)


def test_stack_that_shrinks_under_the_run(room: Room) -> None:
    place = room.folder / "Extract/job003/2/mic.mrcs"
    times = place.stat()
    whole = place.read_bytes()
    started = room.start_to_gate(OUT)
    os.truncate(place, len(whole) // 2)
    room.gate.open()
    started.wait()
    assert_one_sentence(started, "Extract/job003/2/mic.mrcs has become shorter")
    place.write_bytes(whole)
    os.utime(place, ns=(times.st_atime_ns, times.st_mtime_ns))
    room.finish(OUT)


def test_output_folder_that_is_removed(room: Room) -> None:
    started = room.start_to_gate(OUT)
    shutil.rmtree(room.folder / OUT)
    room.gate.open()
    started.wait()
    assert_one_sentence(started, "no such file or directory")
    assert (room.folder / STAR).exists()
    room.finish(OUT)
