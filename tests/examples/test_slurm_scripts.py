"""The submission scripts of examples/slurm, filled in and run with a stand-in for srun."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ..gate import PATIENCE

ROOT = Path(__file__).parents[2]
SLURM = ROOT / "examples/slurm"
# What RELION puts in for the words of a template (saveJobSubmissionScript in pipeline_jobs.cpp).
RELION_WORDS = {
    "XXXmpinodesXXX": "1", "XXXthreadsXXX": "2", "XXXcoresXXX": "2", "XXXdedicatedXXX": "24",
    "XXXnodesXXX": "1", "XXXnameXXX": "External/job001/", "XXXqueueXXX": "gpu",
    "XXXoutfileXXX": "External/job001/run.out", "XXXerrfileXXX": "External/job001/run.err",
}  # fmt: skip


@pytest.fixture
def cluster(tmp_path: Path) -> dict[str, str]:
    """An environment in which `srun` is the stand-in and iceblock is installed."""
    programs = tmp_path / "bin"
    programs.mkdir()
    shutil.copy(ROOT / "tests/fake_srun.py", programs / "srun")
    (programs / "srun").chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    return os.environ | {"PATH": path, "OMP_NUM_THREADS": "1", "SLURM_NTASKS": "2"}


def directives(script: str) -> dict[str, str]:
    found = re.findall(r"^#SBATCH --([a-z-]+)=(\S+)$", script, re.MULTILINE)
    assert len(found) == script.count("\n#SBATCH")
    assert len(dict(found)) == len(found)
    return dict(found)


def run(script: str, cluster: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["bash", script, *arguments], env=cluster, capture_output=True, text=True, timeout=PATIENCE
    )


@pytest.mark.parametrize("name", ["relion.sh", "denoise.sh"])
def test_shell_understands_it(name: str) -> None:
    subprocess.run(["bash", "-n", SLURM / name], check=True)


def fill(command: str) -> str:
    text = (SLURM / "relion.sh").read_text()
    for word, value in RELION_WORDS.items():
        text = text.replace(word, value)
    return text.replace("XXXcommandXXX", command)


def test_relion_template_is_filled() -> None:
    text = fill("/venv/bin/relion_iceblock_denoise --o External/job001/ --j 2")
    assert not re.search(r"XXX\w+XXX", text)
    asked = directives(text)
    assert (asked["ntasks"], asked["cpus-per-task"], asked["partition"]) == ("1", "2", "gpu")
    assert asked["output"] == "External/job001/run.out"
    assert asked["error"] == "External/job001/run.err"
    assert asked["open-mode"] == "append"
    # The directives are read up to the first command; RELION looks for a single place to fill.
    commands = [line for line in text.splitlines() if line and not line.startswith("#")]
    assert len(commands) == 1
    assert commands[0].startswith("srun --ntasks=1 ")


def test_relion_template_starts_one_task(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "submitted.sh").write_text(fill("printenv SLURM_PROCID SLURM_STEP_NUM_TASKS"))
    done = run("submitted.sh", cluster)
    assert (done.returncode, done.stdout.split()) == (0, ["0", "1"])


def test_standalone_needs_its_arguments(cluster: dict[str, str]) -> None:
    done = run(str(SLURM / "denoise.sh"), cluster, "particles.star")
    assert done.returncode != 0
    assert "usage: sbatch denoise.sh PARTICLES OUT" in done.stderr


def test_standalone_asks_for_what_srun_hands_on() -> None:
    asked = directives((SLURM / "denoise.sh").read_text())
    assert int(asked["ntasks"]) > 1
    assert "%j" in asked["output"]


def test_standalone_ends_when_a_task_dies(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cluster: dict[str, str]
) -> None:
    monkeypatch.chdir(tmp_path)
    fake = tmp_path / "bin/iceblock"
    fake.write_text('#!/bin/bash\n[ "$SLURM_PROCID" = 1 ] && kill -9 $$\nexec sleep 200\n')
    fake.chmod(0o755)
    done = run(str(SLURM / "denoise.sh"), cluster, "particles.star", "Out")
    assert done.returncode != 0
