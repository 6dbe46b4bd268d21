"""`iceblock run` on the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.images.particles import read_particles

from ..whole_project import MICROGRAPHS, MODEL, PARTICLES, VOLUME, write_whole_project

Run = Callable[..., int]
ALONE = ("run", PARTICLES, "--out", "Out", "--model", MODEL, "--device", "cpu", "--no-gate")


@pytest.fixture(autouse=True)
def whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enter a project."""
    monkeypatch.chdir(tmp_path)
    write_whole_project(tmp_path, micrographs=2)


@pytest.mark.drawn
def test_particles_alone(iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert iceblock(*ALONE) == 0
    said = capsys.readouterr()
    assert said.out == ""
    for words in ("[1/5] Left out: noise (no micrographs)", "[2/5] Left out", "[5/5]",
                  "Out/Denoised/particles.star", "note: No micrographs"):  # fmt: skip
        assert words in said.err
    assert "run Extract" in json.loads(Path("Out/run.json").read_text())["command"]
    assert iceblock(*ALONE, "-q") == 0
    said = capsys.readouterr().err.splitlines()
    assert all(line.startswith("WARNING: ") for line in said)


@pytest.mark.parametrize("given", [True, False])
def test_particles_of_cryosparc(iceblock: Run, test_data: Path, given: bool) -> None:
    folder = test_data / "particles/empiar10076"
    asked = ("run", folder / "empiar_10076_7.cs", *ALONE[2:])
    assert iceblock(*asked, *(("--project-dir", folder) if given else ())) == 0
    assert read_particles(Path("Out/Denoised/particles.cs"), project_dir=folder).n == 7


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--time-limit", "15"), "'15' is no length of time"),
        (("--picks", "Picks"), "--micrographs is missing"),
        (("--micrographs", MICROGRAPHS, "--volume", "none.mrc"), "none.mrc"),
        (("--micrographs", MICROGRAPHS, "--volume", VOLUME, "--device", "cuda:97"), "cuda:97"),
        (("--segmentation", "none"), "segmentation model 'none'"),
    ],
)
def test_mistakes(
    iceblock: Run, capsys: pytest.CaptureFixture[str], more: tuple[str, ...], says: str
) -> None:
    assert iceblock(*ALONE, *more) == 1
    error = capsys.readouterr().err
    assert says in error
    assert error.startswith("iceblock: ")
    assert error.count("\n") == 1
    assert not Path("Out").exists()
