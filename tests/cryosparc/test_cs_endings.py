"""However the program ends, its job does not show as running or completed, and says why."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from ..gate import PATIENCE, wait_for
from .lab import Lab

PROGRAM = Path(__file__).with_name("job_with_fake_run.py")


def start(lab: Lab, end: str) -> subprocess.Popen[str]:
    arguments = lab.arguments("denoise", "--particles", "J1")
    return lab.start(PROGRAM, *arguments, FAKE_RUN=end)


def assert_failed(lab: Lab, before: dict[str, bytes], told: str) -> None:
    job = lab.job("J2")
    assert job.status == "failed"
    assert job.completed_count == 0
    assert told in lab.log("J2")
    assert lab.server.world.calls.count(("jobs.mark_failed", 200)) == 1
    assert not [name for name in lab.files("J2") if name.endswith((".mrc", ".partial"))]
    assert lab.files("J1") == before


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ("mistake", "error: row 7: no image."),
        ("exit", "SystemExit"),
        ("killed", "killed (SIGKILL), most often because memory ran out"),
        ("crash", "crashed (SIGABRT)"),
    ],
)
def test_faults(two_stacks: Lab, end: str, told: str) -> None:
    before = two_stacks.files("J1")
    process = start(two_stacks, end)
    _, err = process.communicate(timeout=PATIENCE)
    if end in ("killed", "crash"):  # nobody is left to tidy up
        (two_stacks.project / "J2/denoised/.mic.mrc.partial").unlink()
    assert_failed(two_stacks, before, told)
    assert process.returncode == 1
    assert "J2 shows as failed" in err


@pytest.mark.parametrize(
    ("end", "number"),
    [
        ("slow", signal.SIGTERM),
        ("slow", signal.SIGINT),
        ("clumsy", signal.SIGTERM),
        ("deaf", signal.SIGHUP),
    ],
)
def test_signals(two_stacks: Lab, end: str, number: signal.Signals) -> None:
    before = two_stacks.files("J1")
    process = start(two_stacks, end)
    started = two_stacks.project / "J2/iceblock/started"
    wait_for(lambda: started.exists() or process.poll() is not None)
    process.send_signal(number)
    _, err = process.communicate(timeout=PATIENCE)
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert_failed(two_stacks, before, f"stopped by {name}")
    assert process.returncode == 130, err
    assert "Traceback" not in err


def test_ctrl_c_in_a_terminal_reaches_parent_and_child(two_stacks: Lab) -> None:
    before = two_stacks.files("J1")
    process = start(two_stacks, "slow")
    started = two_stacks.project / "J2/iceblock/started"
    wait_for(lambda: started.exists() or process.poll() is not None)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (process.pid, *map(int, children)):
        os.kill(pid, signal.SIGINT)
    assert process.wait(PATIENCE) == 130
    process.communicate()
    assert_failed(two_stacks, before, "stopped by Ctrl-C")


def test_nothing_is_made_where_the_program_cannot_start(two_stacks: Lab) -> None:
    process = start(two_stacks, "no torch")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "core.compute.device" in err
    assert ("P1", "J2") not in two_stacks.server.world.jobs
