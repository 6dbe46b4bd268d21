"""Whole comparisons, tiny ones: what they leave, what they say, what they refuse."""

import csv
import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from core.compare import networks
from core.compare.filters import classical_baselines
from core.compare.networks import DnCNNConfig
from core.errors import IceblockError
from core.runs.compare import methods as comparing_methods
from core.runs.compare import options as compare_options
from core.runs.compare import run as comparing
from core.runs.compare.inputs import Inputs, read_inputs, training_pairs
from core.runs.compare.options import OUTPUTS, CompareOptions
from core.runs.compare.run import run

from ..training_project import TINY, TrainingProject, write_project

SMALL = compare_options.Size(4, 3, 3, 4, 2, 2, 120, 40, 6.0)


@pytest.fixture
def project(tmp_path: Path) -> TrainingProject:
    return write_project(tmp_path)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Few filters with short grids, networks of a few weights, few images."""

    def few() -> tuple[list[Any], list[str]]:
        found, left_out = classical_baselines()
        kept = [b for b in found if b.name in ("raw", "zero", "Gaussian", "oracle Wiener")]
        return [replace(b, grid=b.grid[3:6] or b.grid) for b in kept], left_out

    monkeypatch.setattr(comparing_methods, "classical_baselines", few)
    monkeypatch.setattr(compare_options, "FULL", SMALL)
    dncnn = replace(networks.DNCNN, network=DnCNNConfig(3, 4), training={"batch": 4})
    gan = replace(networks.UNSUPERVISED_GAN, network=TINY, training={"batch": 4})
    ours = replace(networks.OURS, network=TINY, training={"batch": 4})
    monkeypatch.setattr(comparing_methods, "RIVALS", (dncnn, gan))
    monkeypatch.setattr(comparing_methods, "OURS", ours)


@pytest.fixture
def unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    """No figures, which take most of the time of a tiny comparison."""
    monkeypatch.setattr(comparing, "draw", lambda *arguments: None)


def options(project: TrainingProject, **changes: Any) -> CompareOptions:
    usual = {
        "out": project.folder / "out",
        "models": (f"tiny={project.model}",),
        "volumes": (project.volume,),
        "noise": (project.bank,),
        "phantoms": 1,
        "device": "cpu",
        "command": "iceblock compare …",
    }
    return CompareOptions(**{**usual, **changes})


def compare(asked: CompareOptions, **more: Any) -> tuple[list[dict[str, str]], str]:
    """Run; give the rows of the CSV table, and what was said."""
    said = StringIO()
    run(asked, progress=said, **more)
    with (asked.out / "comparison.csv").open(newline="") as file:
        return list(csv.DictReader(file)), said.getvalue()


def everything(folder: Path) -> dict[str, bytes]:
    """All that a comparison computed, by file name."""
    tables = (folder / "comparison.csv", *(folder / "Methods").glob("*.mrcs"))
    found = {path.name: path.read_bytes() for path in tables}
    rows = csv.DictReader(StringIO(found["comparison.csv"].decode()))
    timeless = [{k: v for k, v in row.items() if k != "seconds_per_image"} for row in rows]
    found["comparison.csv"] = json.dumps(timeless).encode()
    return found


def test_a_comparison_leaves_tables_figures_and_a_record(project: TrainingProject) -> None:
    asked = options(project)
    table, said = compare(asked)
    names = ["truth", "raw", "zero", "Gaussian", "oracle Wiener", "set covariance", "DnCNN",
             "unsupervised GAN", "tiny", "tiny, each alone",
             "iceblock on the same pairs"]  # fmt: skip
    assert [row["method"] for row in table] == 2 * names
    assert [row["set"] for row in table] == 11 * ["SNR 1"] + 11 * ["SNR 0.1"]
    raw, dncnn = table[1], table[6]
    assert 0.3 < float(raw["correlation"]) < 0.9
    assert float(raw["correlation_low"]) < float(raw["correlation"])
    assert dncnn["parameters"] == "trained on 24 images"
    assert table[3]["parameters"].startswith("sigma pixels ")
    assert float(table[2]["psnr_affine"]) > 10
    assert {path.name for path in (asked.out / "Figures").iterdir()} == {
        f"{name}.png"
        for name in ("figure6", "figure7", "figure8", "profiles1", "profiles2", "residuals1",
                     "residuals2")
    }  # fmt: skip
    record = json.loads((asked.out / "run.json").read_text())
    assert record["state"] == "finished"
    assert record["seeds"] == {"seed": 0}
    assert record["identity"]["models"]["tiny"]
    text = (asked.out / "comparison.md").read_text()
    for words in ("### SNR 1\n", "### SNR 0.1\n", "**tiny**", "zero", "BM3D is left out", "Seed 0"):
        assert words in text
    assert "note: BM3D is left out" in said
    for key, sentence in record["exceptions"]:  # printed, and marked in the table
        assert sentence in text
        assert (sentence in said) == (key in ("psnr_paper", "ssim_paper", "correlation",
                                              "correlation_margin", "frc", "ari"))  # fmt: skip
    assert any(row["above_ours"] for row in table) == bool(record["exceptions"])
    _, again = compare(asked)
    assert again.startswith("Nothing was left to do.")


@pytest.mark.usefixtures("unseen")
def test_a_set_too_small_to_learn_from_is_remarked_on(project: TrainingProject) -> None:
    asked = options(project, whole=20, train_steps=0, snrs=(0.5,))
    table, _ = compare(asked)
    rows = {row["method"]: row for row in table}
    keys = ("correlation", "psnr_affine", "frc")
    assert [rows["tiny"][key] for key in keys] == [rows["tiny, each alone"][key] for key in keys]
    assert [rows["set covariance"][key] for key in keys] == [rows["raw"][key] for key in keys]
    assert "too small to learn from" in (asked.out / "comparison.md").read_text()


@pytest.mark.usefixtures("unseen")
def test_a_stopped_comparison_goes_on_to_the_same_bytes(project: TrainingProject) -> None:
    class Stop(Exception):
        pass

    def after(beats: int) -> Callable[[], None]:
        left = iter(range(beats))

        def beat() -> None:
            if next(left, None) is None:
                raise Stop

        return beat

    whole = options(project, out=project.folder / "whole", snrs=(1.0,))
    compare(whole)
    stopped = options(project, out=project.folder / "stopped", snrs=(1.0,))
    for beats in (3, 9):  # inside the filters, and inside the training of a network
        with pytest.raises(Stop):
            run(stopped, heartbeat=after(beats))
    kept = {p.name: p.stat().st_mtime_ns for p in (stopped.out / "Methods").glob("*.json")}
    assert len(kept) >= 4
    compare(stopped)
    for name, time in kept.items():
        assert (stopped.out / "Methods" / name).stat().st_mtime_ns == time
    assert everything(stopped.out) == everything(whole.out)


def test_networks_are_left_out_and_said_so(project: TrainingProject) -> None:
    models = (f"extracted={project.model}", f"Gaussian noise={project.model}")
    asked = options(project, train_steps=0, models=models, snrs=(0.5,), phantoms=0)
    table, said = compare(asked)
    assert [row["method"] for row in table][-4:] == [
        "extracted", "extracted, each alone", "Gaussian noise", "Gaussian noise, each alone",
    ]  # fmt: skip
    assert table[-1]["correlation"] == table[-3]["correlation"]
    assert "Left out, since no training was asked for (--train-steps 0): DnCNN, unsup" in said
    assert not (asked.out / "Training").exists()
    assert (asked.out / "Figures" / "figure8.png").is_file()


def test_scored_pairs_share_nothing_with_those_to_tune_and_train_on(
    project: TrainingProject,
) -> None:
    inputs = read(options(project))
    for sheet in inputs.sheets:
        apart = [sheet.validation.clean, sheet.validation.noisy]
        for one, others in zip((sheet.scored.clean, sheet.scored.noisy), apart, strict=True):
            assert min(float((one[0] - other).abs().max()) for other in others) > 1e-3
    assert "mic02" in inputs.noise[0]
    assert "mic00" not in inputs.noise[0]
    one, other = inputs.sheets
    truths = one.scored.clean, other.scored.clean  # the same particles, weaker
    found = [torch.corrcoef(torch.stack([a.flatten(), b.flatten()]))[0, 1]
             for a, b in zip(*truths, strict=True)]  # fmt: skip
    assert min(found) > 0.999


def test_training_pairs_are_those_that_the_networks_will_see(project: TrainingProject) -> None:
    asked = options(project)
    found = training_pairs(asked, 2.0, 120, torch.device("cpu"))
    assert (found.box, found.pixel_size) == (60, 4.0)
    assert found.pairs.volumes[0].name.startswith("phantom8")


def read(asked: CompareOptions) -> Inputs:
    return read_inputs(asked, torch.device("cpu"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"models": ("a=x", "a=y")}, "Two models are named 'a'"),
        ({"models": ("=x",)}, "is no NAME=FILE"),
        ({"models": ("a=nowhere",)}, "neither a file nor one of the models"),
        ({"noisy": (Path("a.star"),)}, "1 --noisy and 0 --clean"),
        ({"noisy": (Path("a"),), "clean": (Path("b"),)}, "Pairs from files and pairs"),
        ({"box": 41}, "must be even"),
        ({"pixel_size": 0.0}, "above 0"),
        ({"number": 2}, "--number is 2 and must be at least 4"),
        ({"snrs": (0.0,)}, "--snr is 0 and must be above 0"),
        ({"seed": -1}, "--seed is -1 and must be at least 0"),
        ({"threads": 0}, "at least 1"),
        ({"phantoms": 0}, "--train-steps 0"),
        ({"volumes": (Path("nowhere.mrc"),)}, "nowhere.mrc does not exist"),
    ],
)
def test_what_is_refused(project: TrainingProject, changes: dict[str, Any], says: str) -> None:
    asked = options(project, **changes)
    with pytest.raises(IceblockError, match=re.escape(says)):
        run(asked)
    assert not any((asked.out / name).exists() for name in OUTPUTS)


@pytest.mark.usefixtures("unseen")
def test_another_comparison_is_not_overwritten_unasked(project: TrainingProject) -> None:
    asked = options(project, train_steps=0, snrs=(1.0,))
    compare(asked)
    other = replace(asked, seed=1)
    with pytest.raises(IceblockError, match="different: seed"):
        run(other)
    before = (asked.out / "comparison.csv").read_bytes()
    compare(replace(other, overwrite=True))
    assert (asked.out / "comparison.csv").read_bytes() != before


def test_the_same_seed_gives_the_same_pairs(project: TrainingProject) -> None:
    one, again, other = (read(options(project, seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(one.sheets[1].scored.noisy, again.sheets[1].scored.noisy)
    assert not torch.equal(one.sheets[1].scored.noisy, other.sheets[1].scored.noisy)
    views = one.sheets[0].views
    assert views is not None
    assert np.bincount(views.labels).tolist() == [4, 4, 4]
