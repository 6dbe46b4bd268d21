"""What happens before the job: help, a missing directory, a broken installation."""

import os
import subprocess
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path

import pytest

from relion_ext import launcher

from ..gate import PATIENCE
from .external_job import JOB, ROOT, External

START = "import sys; from relion_ext import launcher; sys.exit(launcher.{}())"


def start(
    *arguments: str, cwd: Path, path: str = str(ROOT), job: str = "denoise"
) -> subprocess.CompletedProcess[str]:
    code = f"import sys; sys.path.append({str(ROOT)!r}); {START.format(job)}"
    # Not `-c` in the current folder's name: a console script does not look there either.
    return subprocess.run(
        [sys.executable, "-P", "-c", code, *arguments],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


@pytest.mark.parametrize("arguments", [(), ("--help",), ("-h",)])
@pytest.mark.parametrize(
    ("job", "needed"),
    [("denoise", "--in_parts FILE"), ("restore", "[--in_parts FILE] [--in_coords FILE]")],
)
def test_help(tmp_path: Path, arguments: tuple[str, ...], job: str, needed: str) -> None:
    done = start(*arguments, cwd=tmp_path, job=job)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"usage: relion_iceblock_{job} --o DIR {needed}" in done.stdout
    assert ("keep_noise" in done.stdout) == (job == "denoise")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments", [("--in_parts", "a.star"), ("--o",), ("--o", "--in_parts", "a.star"), ("--o=",)]
)
def test_no_job_directory(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    done = start(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert "--o DIR is missing" in done.stderr
    assert not list(tmp_path.iterdir())


def test_job_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "External").write_text("a file")
    done = start("--o", JOB, "--in_parts", "a.star", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.startswith(f"The job directory {JOB.rstrip('/')} cannot be used")


def test_help_as_a_label_ends_the_job(external: External) -> None:
    done = start("--o", JOB, "--in_parts", "a.star", "--help", cwd=external.project)
    assert done.returncode == 1
    assert external.markers == ["RELION_JOB_EXIT_FAILURE"]
    assert "has no label `help`" in done.stderr


@pytest.mark.parametrize("form", ["core.py", "core/__init__.py"])
def test_foreign_core_is_named(external: External, form: str) -> None:
    foreign = external.project / "modules" / form
    foreign.parent.mkdir(parents=True)
    foreign.touch()
    path = str(external.project / "modules")
    done = start("--o", JOB, "--in_parts", "a.star", cwd=external.project, path=path)
    assert done.stderr.startswith(f"Another Python package named `core` ({path}")
    assert "PYTHONPATH" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == 1
    assert external.markers == ["RELION_JOB_EXIT_FAILURE"]


@pytest.mark.parametrize("found", ["folder without __init__.py", None])
def test_core_that_is_no_package(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], found: str | None
) -> None:
    """In an editable installation such a folder on PYTHONPATH goes before iceblock's core."""
    spec = None
    if found:
        spec = ModuleSpec("core", None, is_package=True)
        spec.submodule_search_locations = [found]
    monkeypatch.setattr("importlib.util.find_spec", lambda name: spec)
    assert launcher.main("denoise", ["--help"]) == 1
    assert (found or "install iceblock again") in capfd.readouterr().err


def test_without_any_third_party_package(external: External) -> None:
    """-S leaves the standard library alone: no numpy, no torch, no click."""
    code = f"import sys; sys.path.append({str(ROOT)!r}); {START.format('denoise')}"
    done = subprocess.run(
        [sys.executable, "-P", "-I", "-S", "-c", code, "--o", JOB, "--in_parts", "a.star"],
        cwd=external.project,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert done.returncode == 1
    assert external.markers == ["RELION_JOB_EXIT_FAILURE"]
    assert "Traceback" in done.stderr
    assert "install iceblock again" in done.stderr


def test_launcher_imports_the_standard_library_alone() -> None:
    code = (
        f"import sys; sys.path.append({str(ROOT)!r}); import relion_ext.launcher; "
        "own = {m.partition('.')[0] for m in sys.modules} - set(sys.stdlib_module_names); "
        "print(sorted(own))"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['__main__', 'relion_ext']"


def test_one_of_several_processes_is_no_job(
    external: External, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = {"JOB_ID": "1", "STEP_ID": "0", "STEP_NUM_TASKS": "5", "PROCID": "0"}
    for name, value in (step | {"STEP_NODELIST": "localhost"}).items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    done = start("--o", JOB, "--in_parts", "a.star", cwd=external.project)
    assert external.markers == ["RELION_JOB_EXIT_FAILURE"]
    assert "process 0 of 5" in done.stderr
    assert "Traceback" not in done.stderr
