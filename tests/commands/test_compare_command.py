"""`iceblock compare` on pairs that `iceblock simulate` wrote."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest

from core.compare.filters import classical_baselines
from core.runs.compare import methods as comparing_methods

from ..training_project import TrainingProject, write_project

Run = Callable[..., int]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingProject:
    """A folder with simulated pairs, entered; filters are few."""
    monkeypatch.chdir(tmp_path)

    def few() -> tuple[list[object], list[str]]:
        return [b for b in classical_baselines()[0] if b.name in ("raw", "zero", "Gaussian")], []

    monkeypatch.setattr(comparing_methods, "classical_baselines", few)
    return write_project(tmp_path)


def simulate(iceblock: Run, project: TrainingProject, out: str, *more: object) -> None:
    asked = ("simulate", "--out", out, "--volume", project.volume, "-n", 16, "--box", 40,
             "--pixel-size", 6, "--snr", 0.5, 0.5, "-q", *more)  # fmt: skip
    assert iceblock(*asked) == 0


@pytest.mark.drawn
def test_pairs_from_files_and_real_particles(
    project: TrainingProject, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(iceblock, project, "Pairs")
    capsys.readouterr()
    asked = ("compare", "--noisy", "Pairs/particles.star", "--clean", "Pairs/clean.star",
             "--particles", "Pairs/particles.star", "--model", f"mine={project.model}",
             "--train-steps", 0, "--device", "cpu", "--out", "Compared")  # fmt: skip
    assert iceblock(*asked) == 0
    said = capsys.readouterr().err
    assert "Clustering is left out" in said
    assert "comparison.md" in said
    with Path("Compared/comparison.csv").open(newline="") as file:
        table = {row["method"]: row for row in csv.DictReader(file)}
    names = ["truth", "raw", "zero", "Gaussian", "set covariance", "mine", "mine, each alone"]
    assert list(table) == names
    assert {row["set"] for row in table.values()} == {"Pairs"}
    assert 0.3 < float(table["raw"]["correlation"]) < float(table["Gaussian"]["correlation"])
    assert "12 images of Pairs" in Path("Compared/comparison.md").read_text()
    assert Path("Compared/Figures/figure8.png").is_file()
    assert len(list(Path("Compared/Methods").glob("*_real.mrcs"))) == 1


def test_pairs_that_do_not_fit(
    project: TrainingProject, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate(iceblock, project, "Pairs")
    simulate(iceblock, project, "Fewer", "-n", 8)
    asked = ("compare", "--noisy", "Pairs/particles.star", "--clean", "Fewer/clean.star",
             "--model", project.model, "--train-steps", 0, "--device", "cpu",
             "--out", "Compared")  # fmt: skip
    assert iceblock(*asked) == 1
    said = capsys.readouterr().err
    assert "has 16 particles and Fewer/clean.star has 8" in said
    assert "Traceback" not in said
