"""Only what a launcher really started is a group of processes."""

import os
import socket
import subprocess
import sys
import threading
from io import StringIO
from pathlib import Path

import pytest
import torch

from core.compute import meeting
from core.compute.distributed import joined
from core.compute.launched import launched, refusal
from core.console import Console
from core.errors import IceblockError

STEP = {
    "SLURM_JOB_ID": "1234", "SLURM_STEP_ID": "3", "SLURM_STEP_NUM_TASKS": "5",
    "SLURM_PROCID": "2", "SLURM_LOCALID": "0", "SLURM_STEP_NODELIST": "n[1-5]",
    "SLURM_NTASKS": "5", "SLURM_JOBID": "1234",
}  # fmt: skip
TORCHRUN = {
    "RANK": "1", "WORLD_SIZE": "4", "MASTER_ADDR": "localhost", "MASTER_PORT": "29500",
    "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2",
}  # fmt: skip


def without(variables: dict[str, str], *names: str) -> dict[str, str]:
    return {name: value for name, value in variables.items() if name not in names}


@pytest.mark.parametrize(
    ("environment", "place"),
    [
        (STEP, (2, 5, 0)),
        (TORCHRUN, (1, 4, 1)),
        (STEP | TORCHRUN, (1, 4, 1)),  # torchrun under srun
        (STEP | {"WORLD_SIZE": "5", "MASTER_ADDR": "n1", "MASTER_PORT": "7"}, (2, 5, 0)),
        (STEP | {"RANK": "0"}, (2, 5, 0)),
        (STEP | {"SLURM_PTY_PORT": "40000", "SLURM_TASK_PID": str(os.getpid())}, (2, 5, 0)),
    ],
)
def test_groups(environment: dict[str, str], place: tuple[int, int, int]) -> None:
    group = launched(environment)
    assert (group.rank, group.size, group.local) == place
    assert group.note is None
    assert f"process {place[0]} of {place[1]}" in str(refusal(environment, "A job", "do else"))


@pytest.mark.parametrize(
    ("environment", "noted"),
    [
        ({}, None),
        (STEP | {"SLURM_PTY_PORT": "40000", "SLURM_TASK_PID": "1"}, "--pty"),
        (STEP | {"SLURM_PTY_PORT": "40000"}, "--pty"),
        (STEP | {"SLURM_NTASKS": "1"}, "SLURM_NTASKS=1 disagree"),
        (STEP | {"SLURM_JOBID": "9"}, "SLURM_JOBID=9 disagree"),
        (STEP | {"SLURM_PROCID": "5"}, "describe no group"),
        (STEP | {"SLURM_STEP_NUM_TASKS": "5(x2)", "SLURM_NTASKS": "5(x2)"}, "describe no group"),
        (without(STEP, "SLURM_STEP_NODELIST"), "SLURM_STEP_NODELIST"),
        (STEP | {"SLURM_STEP_NUM_TASKS": "1"}, None),
        ({"RANK": "0"}, "has RANK but not WORLD_SIZE, MASTER_ADDR, MASTER_PORT"),
        ({"RANK": "0", "WORLD_SIZE": "2"}, "not MASTER_ADDR, MASTER_PORT"),
        (without(TORCHRUN, "MASTER_PORT"), "not MASTER_PORT"),
        (without(TORCHRUN, "RANK", "WORLD_SIZE"), None),  # harmless
        ({"LOCAL_RANK": "3", "LOCAL_WORLD_SIZE": "8"}, None),
        (TORCHRUN | {"RANK": "4"}, "describe no group"),
        (TORCHRUN | {"WORLD_SIZE": "two"}, "describe no group"),
        (TORCHRUN | {"RANK": "-1"}, "describe no group"),
        (TORCHRUN | {"RANK": "0", "WORLD_SIZE": "1"}, None),
    ],
)
def test_no_groups(
    environment: dict[str, str], noted: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = launched(environment)
    assert (group.rank, group.size, group.local, group.local_size) == (0, 1, 0, 1)
    assert refusal(environment, "A job", "do else") is None
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = StringIO()
    for _ in range(2):  # two stages of one program say it once
        with joined(torch.device("cpu"), console=Console(said)) as ranks:
            assert ranks.size == 1
    assert said.getvalue().count("note: ") <= (noted is not None)
    assert (noted is None) == (group.note is None)
    assert noted is None or noted in str(group.note)


@pytest.fixture
def one_of_three(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    group = {"WORLD_SIZE": "3", "MASTER_ADDR": "localhost", "MASTER_PORT": str(port)}
    for name, value in (TORCHRUN | group).items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("one_of_three")
@pytest.mark.parametrize(("rank", "missing"), [("0", "processes 1, 2"), ("2", "process 0")])
def test_who_does_not_come_is_named(
    rank: str, missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", rank)
    monkeypatch.setenv(meeting.WAIT, "0.5")
    monkeypatch.setattr(meeting, "QUIET", 0.0)
    said = StringIO()
    with (
        pytest.raises(IceblockError, match=f"waited 0.5 seconds for {missing} in vain") as caught,
        joined(torch.device("cpu"), console=Console(said)),
    ):
        pass
    assert f"process {rank} of 3" in said.getvalue()
    assert f"waits for {missing}" in said.getvalue()
    assert "unset RANK WORLD_SIZE MASTER_ADDR MASTER_PORT" in str(caught.value)


@pytest.mark.usefixtures("one_of_three")
@pytest.mark.parametrize("rank", ["0", "1"])
def test_a_stop_ends_the_wait(rank: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stop(BaseException):
        pass

    asked = threading.Event()

    def heartbeat() -> None:
        if asked.is_set():
            raise Stop
        asked.set()

    monkeypatch.setenv("RANK", rank)
    with pytest.raises(Stop), joined(torch.device("cpu"), console=Console(None, heartbeat)):
        pass


@pytest.mark.usefixtures("one_of_three")
def test_a_port_that_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    with socket.socket() as taken:
        taken.bind(("", 0))
        taken.listen()
        monkeypatch.setenv("MASTER_PORT", str(taken.getsockname()[1]))
        with (
            pytest.raises(IceblockError, match="set MASTER_PORT to another"),
            joined(torch.device("cpu")),
        ):
            pass


@pytest.mark.usefixtures("one_of_three")
@pytest.mark.parametrize("text", ["soon", "1 minute"])
def test_a_limit_that_is_no_number(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(meeting.WAIT, text)
    with pytest.raises(IceblockError, match=meeting.WAIT), joined(torch.device("cpu")):
        pass


def test_the_rule_needs_no_package() -> None:
    """RELION's launcher asks before anything that can be missing or slow is loaded."""
    root = Path(__file__).parents[2]
    code = (
        f"import sys; sys.path.insert(0, {str(root)!r}); from core.compute import launched; "
        "print('torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout == "False\n"
