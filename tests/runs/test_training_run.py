"""Whole training runs, tiny ones: what they leave, what they say, what they refuse."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import torch

from core.compute.processes import launch
from core.denoise.model_file import Model, load_model
from core.denoise.training.presets import PRESETS
from core.errors import IceblockError
from core.images.particles import read_particles
from core.runs.train.geometry import choose_geometry
from core.runs.train.inputs import TrainingInputs, read_inputs
from core.runs.train.options import TrainOptions
from core.runs.train.run import _worker, run

from ..training_project import (
    CARD,
    TrainingProject,
    tiny_preset,
    write_noise,
    write_project,
    write_volume,
)


@pytest.fixture
def project(tmp_path: Path) -> TrainingProject:
    return write_project(tmp_path)


@pytest.fixture(autouse=True)
def small_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRESETS, "default", tiny_preset())


def options(project: TrainingProject, **changes: Any) -> TrainOptions:
    usual = {
        "noise": (project.bank,),
        "volumes": (project.volume,),
        "out": project.folder / "out",
        "particles": project.particles,
        "device": "cpu",
        "command": "iceblock train …",
    }
    return TrainOptions(**{**usual, **changes})


def train(project: TrainingProject, **changes: Any) -> tuple[Model, dict[str, Any], str]:
    """Run; give the model, the record, and what was said."""
    said = StringIO()
    asked = options(project, **changes)
    run(asked, progress=said)
    record = json.loads((asked.out / "run.json").read_text())
    return load_model(asked.out / "model.safetensors"), record, said.getvalue()


@pytest.mark.drawn
def test_a_run_leaves_a_model_with_its_card(project: TrainingProject) -> None:
    model, record, said = train(project, snr_range=(0.05, 1.0), seed=7)
    card, out = model.card, project.folder / "out"
    assert sorted(path.name for path in out.iterdir()) == [
        "curves.png", "metrics.csv", "model.safetensors", "report.pdf", "run.json", "samples.png",
    ]  # fmt: skip
    assert card.name == "out"
    assert card.snr_range == (0.05, 1.0)
    assert card.box_range == (40, 40)
    assert card.pixel_size_range == pytest.approx((6.0, 6.0))
    assert card.working_pixel_size == 4.0
    assert card.defocus_range == (11950.0, 17900.0)
    assert re.fullmatch(r"volume\.mrc \(sha256 [0-9a-f]{16}\)", card.volumes[0])
    assert re.search(r"Noise \(sha256 [0-9a-f]{16} [0-9a-f]{16}\)", card.noise[0])
    statistics = card.noise_statistics
    assert len(statistics["frequency"]) == 40 // 2 + 1
    assert statistics["frequency"][-1] == pytest.approx(0.5 / 6.0, rel=1e-3)
    assert statistics["mean"][2:-1] == pytest.approx([1.0] * 18, abs=0.3)  # the bank's is white
    assert abs(statistics["kurtosis"]) < 0.1
    assert card.training["steps"] == 4
    assert card.training["images"] == record["images"] > 0
    assert card.training["seed"] == 7
    assert card.training["started_from"] == "random weights"
    assert {"this model", "raw", "zero", "low-pass", "oracle Wiener", "held_out"} <= set(
        card.scores
    )
    assert card.scores["raw"]["correlation_0.5"] > card.scores["zero"]["correlation_0.5"] == 0
    assert any("mic02" in name for name in card.scores["held_out"])
    assert record["state"] == "finished"
    assert record["model"]["sha256"] == model.sha256
    assert record["scores"]["raw"] == card.scores["raw"]
    assert (out / "report.pdf").read_bytes().startswith(b"%PDF")
    for words in (
        "There is little noise",
        "400 times",
        "Validated on other views",
        "held-out correlation",
    ):
        assert words in said


def test_fine_tuning_keeps_the_parents_network_and_says_so(project: TrainingProject) -> None:
    parent = load_model(project.model)
    model, record, said = train(project, start=str(project.model), steps=2)
    assert model.generator.config == parent.generator.config
    assert model.card.training["started_from"] == {"name": "tiny", "sha256": parent.sha256}
    assert model.card.volumes[0] == "x (tiny)"
    assert model.card.pixel_size_range == (3.7, 6.5)
    assert model.card.box_range == (40, 96)
    assert model.card.training["learning_rate"] < PRESETS["default"].training.learning_rate
    assert record["scores"]["before"] != record["scores"]["zero"]
    assert "before" in said
    assert model.sha256 != parent.sha256


@pytest.mark.slow
def test_two_processes_make_one_model(
    project: TrainingProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    asked = options(project, start=str(project.model), steps=2, batch_size=4)
    launch(_worker, (asked, None), 2)
    record = json.loads((asked.out / "run.json").read_text())
    assert record["device"]["processes"] == 2
    assert record["images"] == 2 * 2 * 4  # steps, processes, a group of four
    assert load_model(asked.out / "model.safetensors").card.training["processes"] == 2
    with pytest.raises(IceblockError, match=r"different: .*processes"):
        run(asked)


def test_a_stopped_run_goes_on_and_a_finished_one_is_left_alone(project: TrainingProject) -> None:
    class Stop(Exception):
        pass

    def stop_after(count: int) -> Callable[[], None]:
        calls = iter(range(10**6))

        def heartbeat() -> None:
            if next(calls) == count:
                raise Stop

        return heartbeat

    asked = options(project)
    with pytest.raises(IceblockError, match="no training run to be resumed"):
        run(replace(asked, resume=True))
    with pytest.raises(Stop):
        run(asked, heartbeat=stop_after(3))
    assert (asked.out / "checkpoint.safetensors").is_file()
    assert not (asked.out / "model.safetensors").exists()
    model, record, _ = train(project, resume=True)
    assert model.card.training["steps"] == record["steps"] == 4
    before = {path: path.stat().st_mtime_ns for path in asked.out.iterdir()}
    _, _, said = train(project)
    assert "Nothing was left to do" in said
    assert {path: path.stat().st_mtime_ns for path in asked.out.iterdir()} == before


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"learning_rate": 1e-4}, "different: learning rate"),
        ({"steps": 9}, "different: steps"),
        ({"time_limit": 60.0}, "different: time limit"),
        ({"snr_range": (0.1, 0.2)}, "different: snr range"),
        ({"perceptual": "random"}, "different: perceptual"),
        ({"seed": 4}, "different: seed"),
        ({"phantoms": 3}, "different: phantoms"),
        ({"particles": None}, "different: particles"),
    ],
)
def test_other_settings_in_a_folder_are_refused_by_name(
    project: TrainingProject, changes: dict[str, Any], says: str
) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        raise Stop

    with pytest.raises(Stop):
        run(options(project), heartbeat=stop)
    with pytest.raises(IceblockError, match=rf"out holds another run \({says}\)"):
        run(options(project, **changes))


def read(project: TrainingProject, **changes: Any) -> TrainingInputs:
    return read_inputs(options(project, **changes), None, torch.device("cpu"))


def test_one_of_several_volumes_is_held_out(project: TrainingProject) -> None:
    second = write_volume(project.folder / "second.mrc")
    inputs = read(project, volumes=(project.volume, second), phantoms=2)
    assert f"Held out for validation: {second}." in inputs.remarks
    assert [name.split(" (")[0] for name in inputs.volumes] == ["volume.mrc", "2 phantoms"]
    assert inputs.held_out_names[0] == "second"
    names = [volume.name for volume in inputs.pairs.volumes]
    assert names[0] == "volume"
    assert len(names) == 3
    inputs = read(project, held_out=(second,))
    assert not any("eld out for" in remark for remark in inputs.remarks)
    assert inputs.held_out_names[0] == "second"
    inputs = read(project, volumes=(), phantoms=2)
    assert len({*inputs.held_out_names[:2], *(v.name for v in inputs.pairs.volumes)}) == 4


def test_without_particles_the_noise_and_the_volume_decide(project: TrainingProject) -> None:
    inputs = read(project, particles=None)
    said = " ".join(inputs.remarks)
    assert "No --particles: defocus is drawn from 0.5 to 3.5 µm" in said
    assert "coarser than the working pixel size" in said
    assert (inputs.box, inputs.geometry.pixel_size) == (64, 6.0)
    assert "its blocks have 40 pixels" in said  # smaller than the box: spectra
    assert inputs.defocus_range == (5000.0, 35000.0)


def test_particles_decide_the_geometry(project: TrainingProject) -> None:
    def chosen(side: int, size: float, **changes: Any) -> tuple[int | None, float]:
        text = project.particles.read_text().replace("1 6.0 40", f"1 {size} {side}")
        path = project.folder / "other.star"
        path.write_text(text)
        geometry = choose_geometry(options(project, **changes), read_particles(path), CARD, None)
        return geometry.box, geometry.pixel_size

    assert chosen(256, 1.0) == (64, 4.0)
    assert chosen(101, 4.0) == (100, 4.04)
    assert chosen(96, 5.36) == (96, 5.36)
    assert chosen(256, 1.0, pixel_size=2.0) == (128, 2.0)
    assert chosen(256, 1.0, box=96) == (96, 4.0)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"noise": ()}, "give --noise"),
        ({"volumes": ()}, "give --volume"),
        ({"preset": "best"}, "preset is 'best' and must be default, large or paper"),
        ({"box": 41}, "must be even"),
        ({"box": 16}, "at least 32"),
        ({"preset": "paper", "box": 64}, "boxes of 256 pixels"),
        ({"pixel_size": -1.0}, "--pixel-size is -1 Å and must be above 0"),
        ({"steps": 0}, "steps is 0 and must be at least 1"),
        ({"gpu": "0,x"}, "numbers of GPUs"),
        ({"gpu": "1,1"}, "numbers of GPUs"),
        ({"gpu": "97", "device": "auto"}, "cuda:97"),
        ({"gpu": "0,97", "device": "auto"}, "cuda:"),
        ({"device": "cuda:97"}, "cuda:97"),
        ({"threads": 0}, "threads is 0"),
        ({"perceptual": "vgg19"}, "give --vgg19"),
        ({"perceptual": "alexnet"}, "perceptual is 'alexnet'"),
        ({"loss": "l3"}, "loss is 'l3' and must be mse or l1"),
        ({"start": "no-such-model"}, "no-such-model"),
        ({"volumes": (Path("none.mrc"),)}, "none.mrc does not exist"),
        ({"noise": (Path("none"),)}, "none"),
    ],
)
def test_mistakes_are_named_and_leave_nothing(
    project: TrainingProject, change: dict[str, Any], says: str
) -> None:
    with pytest.raises(IceblockError, match=re.escape(says)):
        run(options(project, **change))
    assert not (project.folder / "out" / "model.safetensors").exists()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("empty", "is empty: all its values are equal"),
        ("no pixel size", "no pixel size in its header"),
        ("too large", r"Å across, and a box of 40 pixels .* give --box \d+ or more"),
        ("wrong hash", r"vgg19\.pth is not torchvision's VGG-19: its SHA-256 begins"),
    ],
)
def test_files_that_cannot_be_used_are_named(
    project: TrainingProject, fault: str, says: str
) -> None:
    changes: dict[str, Any] = {}
    if fault == "empty":
        write_volume(project.volume, sign=0.0)
    elif fault == "no pixel size":
        write_volume(project.volume, pixel_size=0.0)
    elif fault == "too large":
        write_volume(project.volume, pixel_size=30.0)
    else:
        path = project.folder / "vgg19.pth"
        path.write_bytes(b"PK not the file")
        changes = {"perceptual": "vgg19", "vgg19": path}
    with pytest.raises(IceblockError, match=says):
        run(options(project, **changes))


def test_what_can_be_put_right_is_put_right_and_said(project: TrainingProject) -> None:
    write_volume(project.volume, sign=-1.0)
    fine = write_noise(project.folder / "Fine", box=120, pixel_size=2.0, each=2)
    said = " ".join(read(project, noise=(fine,)).remarks)
    assert "contrast inverted" in said
    assert "120 pixels of 2 Å were resampled to 40 pixels of 6 Å" in said


def test_the_paper_preset_asks_for_its_pixel_size(project: TrainingProject) -> None:
    with pytest.raises(IceblockError, match="give --pixel-size"):
        run(options(project, preset="paper", particles=None, perceptual="none"))
