"""However the program ends, its job does not show as running or completed, and says why."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from ..gate import PATIENCE, wait_for
from ..warm import Started, WarmServer
from .lab import Lab

PROGRAM = Path(__file__).with_name("job_with_fake_run.py")


@pytest.fixture(scope="module")
def server() -> Iterator[WarmServer]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("CRYOSPARC_")]:
            patch.delenv(name)
        warm = WarmServer(modules=["cryosparc.tools", "core.compute.device", "cryosparc_ext.main"])
    yield warm
    warm.close()


def start(server: WarmServer, lab: Lab, end: str) -> Started:
    words = [str(PROGRAM), *map(str, lab.arguments("denoise", "--particles", "J1"))]
    given = {"FAKE_RUN": end, "XDG_CONFIG_HOME": str(lab.home)}
    return server.start(words, lab.home, lab.home / "said.log", environment=given)


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
def test_faults(server: WarmServer, two_stacks: Lab, end: str, told: str) -> None:
    before = two_stacks.files("J1")
    process = start(server, two_stacks, end)
    status = process.wait()
    if end in ("killed", "crash"):  # nobody is left to tidy up
        (two_stacks.project / "J2/denoised/.mic.mrc.partial").unlink()
    assert_failed(two_stacks, before, told)
    assert status == 1
    assert "J2 shows as failed" in process.said


@pytest.mark.parametrize(
    ("end", "number"),
    [
        ("slow", signal.SIGTERM),
        ("slow", signal.SIGINT),
        ("clumsy", signal.SIGTERM),
        ("deaf", signal.SIGHUP),
    ],
)
def test_signals(server: WarmServer, two_stacks: Lab, end: str, number: signal.Signals) -> None:
    before = two_stacks.files("J1")
    process = start(server, two_stacks, end)
    started = two_stacks.project / "J2/iceblock/started"
    wait_for(lambda: started.exists() or process.poll() is not None)
    process.send(number)
    status = process.wait()
    name = "Ctrl-C" if number == signal.SIGINT else number.name
    assert_failed(two_stacks, before, f"stopped by {name}")
    assert status == 130, process.said
    assert "Traceback" not in process.said


def test_ctrl_c_in_a_terminal_reaches_parent_and_child(server: WarmServer, two_stacks: Lab) -> None:
    before = two_stacks.files("J1")
    process = start(server, two_stacks, "slow")
    started = two_stacks.project / "J2/iceblock/started"
    wait_for(lambda: started.exists() or process.poll() is not None)
    parent = process.number
    children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
    for pid in (parent, *map(int, children)):
        os.kill(pid, signal.SIGINT)
    assert process.wait() == 130
    assert_failed(two_stacks, before, "stopped by Ctrl-C")


def test_nothing_is_made_where_the_program_cannot_start(two_stacks: Lab) -> None:
    arguments = two_stacks.arguments("denoise", "--particles", "J1")
    process = two_stacks.start(PROGRAM, *arguments, FAKE_RUN="no torch")
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "core.compute.device" in err
    assert ("P1", "J2") not in two_stacks.server.world.jobs
