"""Other programs' Python files on PYTHONPATH are named, on the command line and in a job."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
JOB = ("--o", "External/job001/", "--in_parts", "particles.star")
EMPTY, LIBRARY = "", "raise ImportError('libblas.so.0: cannot open shared object file')"
PYTHON_2 = "print 'this is Python 2'"


def start(folder: Path, code: str, *arguments: str, path: Path) -> subprocess.CompletedProcess[str]:
    text = f"import sys; sys.path.append({str(ROOT)!r}); {code}"
    return subprocess.run(
        [sys.executable, "-P", "-c", text, *arguments],
        cwd=folder, env=os.environ | {"PYTHONPATH": str(path)}, capture_output=True, text=True,
        timeout=120,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("numpy", EMPTY, "numpy.py"),
        ("numpy", LIBRARY, "numpy/__init__.py"),
        ("torch", PYTHON_2, "torch/__init__.py"),
        ("click", PYTHON_2, "click.py"),
    ],
)
def test_a_file_that_hides_a_package_is_named(
    tmp_path: Path, name: str, content: str, form: str
) -> None:
    other = tmp_path / "other" / form
    other.parent.mkdir(parents=True)
    other.write_text(content)
    star = "data_\nloop_\n_rlnImageName #1\n_rlnVoltage #2\n1@a.mrcs 300\n"
    (tmp_path / "particles.star").write_text(star)
    code = "import iceblock; iceblock.main()"
    command = ("denoise", "particles.star", "--out", "Out", "--device", "cpu")
    ends = [start(tmp_path, code, *command, path=tmp_path / "other")]
    if name == "numpy":
        launcher = "from relion_ext import launcher; sys.exit(launcher.denoise())"
        ends.append(start(tmp_path, launcher, *JOB, path=tmp_path / "other"))
        assert (tmp_path / "External/job001/RELION_JOB_EXIT_FAILURE").exists()
    for end in ends:
        assert end.returncode == 1
        said = end.stderr.removeprefix("iceblock: ")
        assert said.startswith(f"{other} is no part of iceblock"), said
        assert f"`{name}`" in said
        assert "unset PYTHONPATH" in said
        assert "report" not in said
        assert said.count("\n") == 1


def test_a_fault_of_our_own_is_not_blamed_on_others(tmp_path: Path) -> None:
    """Where nothing foreign is in the way, and where what is there hides nothing."""
    (tmp_path / "mine.py").write_text("x = 1")
    code = (
        "import iceblock, mine, numpy\n"
        "try:\n    numpy.zeros(3) + numpy.zeros(4)\n"
        "except ValueError as error:\n    print(iceblock.blamed(error), iceblock.suspects())"
    )
    assert start(tmp_path, f"\n{code}", path=tmp_path).stdout == "None None\n"


def test_a_fault_beside_foreign_packages(tmp_path: Path) -> None:
    """It may be theirs: they are named before a report is asked for."""
    (tmp_path / "tqdm.py").write_text("x = 1")
    code = "import iceblock; print(iceblock.blamed(ValueError('shapes')), iceblock.suspects())"
    said = start(tmp_path, code, path=tmp_path).stdout
    assert said.startswith("None Other programs' Python packages")
    assert str(tmp_path / "tqdm.py") in said
