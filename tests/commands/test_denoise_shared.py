"""Several processes give the bytes of one, and one that dies is told and made up for."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import mrcfile
import pytest

from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run

from ..gate import PATIENCE
from ..warm import WarmServer
from .small_project import star_text, write_stack

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
STAR = Path("Extract/job003/particles.star")
Run = Callable[..., int]


@pytest.fixture
def shared(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project with three stacks of some batches; two images cannot be denoised."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    names = []
    for k, n in enumerate((14, 9, 11)):
        stack = f"Extract/job003/{k}/mic.mrcs"
        write_stack(project / stack, n, 32, seed=k)
        names += [f"{index:06d}@{stack}" for index in range(n, 0, -1)]
    for k, spoilt in ((0, 5), (2, 3)):
        with mrcfile.open(project / f"Extract/job003/{k}/mic.mrcs", "r+") as file:
            file.data[spoilt] = 0
    (project / STAR).write_text(star_text(names[::2] + names[1::2]))
    return project


def outputs(out: Path) -> dict[str, bytes]:
    """All outputs but the report and the record, which hold times."""
    return {
        str(path.relative_to(out)): path.read_bytes().replace(f"@{out}/".encode(), b"@OUT/")
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name not in ("run.json", "report.pdf")
    }


def alone(model: Path, out: str) -> dict[str, bytes]:
    run(DenoiseOptions(STAR, Path(out), str(model), "cpu", batch_size=2))
    return outputs(Path(out))


def test_processes_of_one_machine(shared: Path, iceblock: Run, model: Path) -> None:
    whole = alone(model, "Alone")
    arguments = ("--model", model, "--device", "cpu", "--batch-size", 2, "-q")
    assert iceblock("denoise", STAR, "--out", "Den", *arguments, "--processes", 2) == 0
    assert outputs(Path("Den")) == whole
    record = json.loads(Path("Den/run.json").read_text())
    assert (record["device"]["processes"], record["computed"], record["passed_through"]) == (
        2, 34, 2,
    )  # fmt: skip
    assert iceblock("denoise", STAR, "--out", "Den", *arguments) == 0  # one process finds all whole
    assert json.loads(Path("Den/run.json").read_text())["found_whole"] == 34
    assert outputs(Path("Den")) == whole


def test_more_processes_than_stacks(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.rmtree("Extract/job003/B")
    names = [f"{k:06d}@Extract/job003/A/mic.mrcs" for k in (6, 1, 3)]
    STAR.write_text(star_text(names))
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "--processes", 3) == 0
    assert "here 1 stack: 1 of 3 processes work" in capsys.readouterr().err
    assert json.loads(Path("Den/run.json").read_text())["device"]["processes"] == 1


@pytest.fixture(scope="module")
def server() -> Iterator[WarmServer]:
    warm = WarmServer(modules=["core.runs.denoise.run"])
    yield warm
    warm.close()


def run_two(server: WarmServer, *commands: list[object]) -> list[tuple[int, str]]:
    """Run two processes that torchrun describes to each other; how they end, and what they say."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = str(free.getsockname()[1])
    group = {"WORLD_SIZE": "2", "MASTER_ADDR": "localhost", "MASTER_PORT": port}
    started = [
        server.start(
            [str(HERE / "one_of_two.py"), *map(str, command)], Path.cwd(), Path(f"{rank}.log"),
            environment=group | {"RANK": str(rank), "LOCAL_RANK": str(rank)},
        )
        for rank, command in enumerate(commands)
    ]  # fmt: skip
    return [(process.wait(), process.said) for process in started]


@pytest.mark.parametrize("dying", [0, 1])
def test_a_process_of_a_group_that_dies(
    shared: Path, server: WarmServer, model: Path, dying: int
) -> None:
    commands: list[list[object]] = [[model, "Den"], [model, "Den"]]
    commands[dying].append(6)  # in its second stack, or at the end of its only one
    ends = run_two(server, *commands)
    assert ends[dying][0] == -9
    status, said = ends[1 - dying]
    assert status == 1
    assert "finds another one gone" in said
    assert "Traceback" not in said
    assert not Path("Den/particles.star").exists()
    done = {p: p.stat().st_ino for p in Path("Den/Particles").glob("[!.]*.mrcs")}
    assert done
    assert outputs(Path("Den")) != alone(model, "Alone")
    assert alone(model, "Den") == outputs(Path("Alone"))
    assert {path: path.stat().st_ino for path in done} == done


def test_a_mistake_is_told_once(shared: Path, server: WarmServer, model: Path) -> None:
    STAR.write_text(STAR.read_text().replace("000009@", "000099@"))
    (first, said), (second, other) = run_two(server, [model, "Den"], [model, "Den"])
    assert (first, second) == (1, 1)
    assert said.count("\n") == 1
    assert "000099@Extract" in said
    assert other == ""


def test_two_commands_are_no_run(shared: Path, server: WarmServer, model: Path) -> None:
    """As when srun starts several processes that were meant to work for themselves."""
    (first, said), (second, other) = run_two(server, [model, "A"], [model, "B"])
    assert (first, second) == (1, 1)
    assert "Process 1 of 2 has another run than the first (different: out)" in said
    assert other == ""
    assert not Path("B").exists()


def test_slurm_example(shared: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """examples/slurm/denoise.sh, with a stand-in for srun, gives the bytes of one process."""
    programs = shared / "bin"
    programs.mkdir()
    shutil.copy(ROOT / "tests/fake_srun.py", programs / "srun")
    (programs / "srun").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    monkeypatch.setenv("PATH", path)
    done = subprocess.run(
        ["bash", ROOT / "examples/slurm/denoise.sh", STAR, "Den", "--model", model,
         "--device", "cpu", "--batch-size", "2"],
        env=os.environ | {"SLURM_NTASKS": "2"}, capture_output=True, text=True, timeout=PATIENCE,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("particles denoised with tiny") == 1
    assert "denoising (1 of 2 shares)" in done.stderr
    assert outputs(Path("Den")) == alone(model, "Alone")
    assert json.loads(Path("Den/run.json").read_text())["device"]["processes"] == 2
