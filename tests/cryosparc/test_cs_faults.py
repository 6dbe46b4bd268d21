"""Faults of data and disk: the job fails with the reason in its log, others stay whole."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from .lab import PROJECT, Lab, Run, particles, write_stack


def assert_failed(lab: Lab, told: str) -> None:
    job = lab.job("J2")
    assert (job.status, job.completed_count) == ("failed", 0)
    assert f"error: {told}" in lab.log("J2") or told in lab.log("J2").rpartition("error: ")[2]
    assert lab.server.world.calls.count(("jobs.mark_failed", 200)) == 1
    assert "denoised.cs" not in lab.files("J2")
    assert not [name for name in lab.files("J2") if name.endswith(".partial")]


def test_missing_stack(two_stacks: Lab, denoise: Run, capsys: pytest.CaptureFixture[str]) -> None:
    (two_stacks.project / "J1/B/mic.mrc").unlink()
    before = two_stacks.files("J1")
    assert denoise() == 1
    assert_failed(two_stacks, "The input J1/B/mic.mrc is not at")
    assert two_stacks.files("J1") == before
    assert "Traceback" not in capsys.readouterr().err


def test_link_that_leads_nowhere(two_stacks: Lab, denoise: Run) -> None:
    stack = two_stacks.project / "J1/B/mic.mrc"
    stack.unlink()
    stack.symlink_to("/another/machine/mic.mrc")
    assert denoise() == 1
    assert_failed(two_stacks, "is a link to /another/machine/mic.mrc, which cannot be seen")


def test_row_beyond_its_stack(lab: Lab, denoise: Run) -> None:
    lab.seed("extracted", particles(["J1/mic.mrc"] * 3, [0, 7, 1]))
    write_stack(lab.project / "J1/mic.mrc", 7)
    assert denoise() == 1
    assert_failed(lab, "row 2 names 000008@J1/mic.mrc")


def test_duplicate_uids(lab: Lab, denoise: Run) -> None:
    lab.seed("extracted", particles(["J1/mic.mrc"] * 3, [0, 1, 2], uids=[5, 6, 5]))
    write_stack(lab.project / "J1/mic.mrc", 7)
    assert denoise() == 1
    assert_failed(lab, "rows 1 and 3 have the same uid, 5")


def test_truncated_stack(two_stacks: Lab, denoise: Run) -> None:
    stack = two_stacks.project / "J1/B/mic.mrc"
    stack.write_bytes(stack.read_bytes()[:-10_000])
    assert denoise() == 1
    assert_failed(two_stacks, "truncated")


@pytest.fixture
def tiny_job_disk(two_stacks: Lab) -> Iterator[Path]:
    """Mount a disk of 48 kB as the directory of the job to come."""
    folder = two_stacks.project / "J2"
    add_job = two_stacks.server.world.add_job
    command = ["mount", "-t", "tmpfs", "-o", "size=48k", "tmpfs", str(folder)]

    def add(*arguments: str) -> object:
        job = add_job(*arguments)
        try:
            subprocess.run(command, check=True, capture_output=True)
        except (OSError, subprocess.CalledProcessError):
            pytest.skip("mounting a file system is not permitted here")
        return job

    two_stacks.server.world.add_job = add  # type: ignore[assignment, method-assign]
    yield folder
    subprocess.run(["umount", str(folder)], check=False, capture_output=True)


def test_full_disk(two_stacks: Lab, denoise: Run, tiny_job_disk: Path) -> None:
    assert denoise() == 1
    assert_failed(two_stacks, "the disk is full")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--particles", "J9"], "finding job J9 of project P1"),
        (["--particles", "J1.picks"], "has no particle output picks: it has J1.extracted"),
        (["--particles", "extracted"], "names no output of a job: write it as J12.particles"),
        (["--project", "P7"], "P7"),
        (["--workspace", "W9"], "making a job in P1 W9"),
        (["--model", "missing.safetensors"], "missing.safetensors"),
        (["--keep-noise", "2"], "keep-noise"),
        (["--dtype", "float8"], "float8"),
        (["--device", "abacus"], "abacus"),
        (["--name", "my particles"], "my particles"),
    ],
)
def test_mistakes_make_no_job(
    two_stacks: Lab,
    denoise: Run,
    arguments: list[str],
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert denoise(*arguments) in (1, 2)
    err = capsys.readouterr().err
    assert told in err
    assert "Traceback" not in err
    assert (PROJECT, "J2") not in two_stacks.server.world.jobs
