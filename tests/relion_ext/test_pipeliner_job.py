"""iceblock's jobs in the real ccpem-pipeliner, which pins packages and may have its own Python."""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ..gate import PATIENCE
from ..told import only_warnings
from ..whole_project import MODEL, PARTICLES, write_whole_project

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
OTHER = "ICEBLOCK_PIPELINER_PYTHON"
DENOISE = {"_rlnJobTypeLabel": "iceblock.denoise.particles", "in_parts": PARTICLES,
           "model": MODEL, "device": "cpu", "nr_threads": 1}  # fmt: skip
WHOLE = {"_rlnJobTypeLabel": "iceblock.denoise.project", "in_parts": PARTICLES, "nr_threads": 2}


@pytest.fixture(scope="module")
def python() -> str:
    """Give a Python that has ccpem-pipeliner."""
    with contextlib.suppress(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("ccpem-pipeliner")
        return sys.executable
    other = os.environ.get(OTHER)
    if not other:
        pytest.skip(f"ccpem-pipeliner is not installed here, and {OTHER} names no Python with it")
    look = subprocess.run([other, "-c", "import pipeliner"], capture_output=True, text=True)
    assert look.returncode == 0, f"{OTHER} names {other}, which has no pipeliner: {look.stderr}"
    return other


@pytest.fixture
def project(tmp_path: Path, python: str) -> Path:
    write_whole_project(tmp_path, micrographs=2)
    command = (
        "from pipeliner.api.manage_project import PipelinerProject as P; P(make_new_project=True)"
    )
    subprocess.run([python, "-c", command], cwd=tmp_path, check=True, capture_output=True)
    return tmp_path


def drive(python: str, project: Path, *arguments: str) -> Any:
    """Act as a user with iceblock's executables on PATH."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        [python, HERE / "pipeliner_driver.py", *arguments], cwd=project, timeout=PATIENCE,
        env=os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_jobs_are_found_and_can_be_run(python: str, project: Path) -> None:
    assert drive(python, project, "list") == {
        "iceblock.class2d.particles": True,
        "iceblock.denoise.micrographs": True,
        "iceblock.denoise.particles": True,
        "iceblock.denoise.project": True,
        "iceblock.restore.particles": True,
        "iceblock.select.particles": True,
    }


@pytest.mark.slow
def test_denoise_continue_restore(python: str, project: Path) -> None:
    done = drive(python, project, "run", json.dumps(DENOISE))
    job = done["folder"]
    assert (done["ended"], done["status"]) == (["SUCCESS"], "Succeeded")
    kind = "ParticleGroupMetadata.star.relion.iceblock"
    nodes = {f"{job}particles.star": kind, f"{job}logfile.pdf": "LogFile.pdf.iceblock"}
    assert done["nodes"] == nodes
    assert len(done["shown"]) == 2
    assert "ResultsDisplayPending" not in done["shown"]
    assert only_warnings((project / job / "run.err").read_text())
    stack = next((project / job / "Particles").glob("*.mrcs"))
    inode = stack.stat().st_ino

    again = drive(python, project, "continue", job)
    assert (again["ended"], again["nodes"]) == (["SUCCESS"], nodes)
    assert stack.stat().st_ino == inode

    restore = {"_rlnJobTypeLabel": "iceblock.restore.particles", "in_parts": f"{job}particles.star"}
    back = drive(python, project, "run", json.dumps(restore))
    assert back["status"] == "Succeeded"
    restored = (project / back["folder"] / "particles.star").read_text()
    assert f"@{job}" not in restored
    assert "@Extract/job003/Micrographs/mic01.mrcs" in restored


@pytest.mark.slow
def test_failure_is_registered(python: str, project: Path) -> None:
    done = drive(python, project, "run", json.dumps(DENOISE | {"model": "none.safetensors"}))
    assert (done["ended"], done["status"]) == (["FAILED"], "Failed")
    assert "none.safetensors" in (project / done["folder"] / "run.err").read_text()


def test_all_fields_reach_the_command(python: str, project: Path) -> None:
    given = WHOLE | {
        "in_mics": "micrographs.star", "in_coords": "AutoPick/job002/autopick.star",
        "in_3dref": "volume.mrc", "time_limit": "30m", "particle_diameter": "180",
        "overwrite": True, "gate": False,
    }  # fmt: skip
    assert drive(python, project, "command", json.dumps(given)) == [
        "relion_iceblock", "--o", "Iceblock/job009/", "--j", "2", "--in_parts", PARTICLES,
        "--in_mics", "micrographs.star", "--in_coords", "AutoPick/job002/autopick.star",
        "--in_3dref", "volume.mrc", "--particle_diameter", "180", "--gate", "no",
        "--time_limit", "30m", "--overwrite", "yes",
    ]  # fmt: skip
    assert drive(python, project, "command", json.dumps(WHOLE))[3:] == [
        "--j", "2", "--in_parts", PARTICLES
    ]  # fmt: skip


def test_mistakes_are_told_before_the_job_starts(python: str, project: Path) -> None:
    cases: list[tuple[dict[str, str], str | None]] = [
        ({}, None),
        ({"particle_diameter": "180"}, None),
        ({"in_parts": ""}, "required"),
        ({"time_limit": "30"}, "is no length of time"),
        ({"steps": "many"}, "`steps` needs a whole number"),
    ]
    found = drive(python, project, "check", json.dumps([WHOLE | given for given, _ in cases]))
    for (_, told), said in zip(cases, found, strict=True):
        errors = [text for text in said if text.startswith("error")]
        assert len(errors) == (told is not None)
        assert told is None or told in errors[0]
