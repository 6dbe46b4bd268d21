"""`iceblock train`: from the command line to a model that `iceblock denoise` takes."""

from collections.abc import Callable
from pathlib import Path

import mrcfile
import numpy as np
import pytest

from core.denoise.model_file import load_model

from ..told import error_of
from ..training_project import BOX, TrainingProject, write_project

Run = Callable[..., int]


@pytest.fixture
def training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TrainingProject:
    """A folder to train in, entered."""
    monkeypatch.chdir(tmp_path)
    return write_project(tmp_path)


def arguments(training: TrainingProject, *more: object) -> tuple[object, ...]:
    return ("train", "--noise", training.bank, "--volume", training.volume, "--particles",
            training.particles, "--from", training.model, "--device", "cpu", "--out", "Tuned",
            *more)  # fmt: skip


@pytest.mark.drawn
def test_fine_tuned_and_used(
    training: TrainingProject, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = arguments(training, "--steps", 2, "--snr-range", 0.1, 1, "--name", "mine", "--seed", 3)
    assert iceblock(*asked) == 0
    said = capsys.readouterr().err
    for words in (
        "WARNING: There is little noise",
        "2/2",
        "Trained 'mine' for 2 steps",
        "before",
        "raw",
    ):
        assert words in said
    card = load_model(Path("Tuned/model.safetensors")).card
    assert card.name == "mine"
    assert card.snr_range == (0.1, 1.0)
    assert "train --noise" in card.training["command"]
    with mrcfile.new("a.mrcs") as file:
        file.set_data(np.random.default_rng(0).standard_normal((2, BOX, BOX)).astype(np.float32))
    denoise = (
        "denoise",
        training.particles,
        "--model",
        "Tuned/model.safetensors",
        "--device",
        "cpu",
    )
    assert iceblock(*denoise, "--out", "Denoised", "-q") == 0
    assert Path("Denoised/particles.star").is_file()
    assert iceblock(*asked, "-q") == 0  # finished: nothing to do
    said = capsys.readouterr().err.splitlines()
    assert all(line.startswith("WARNING: ") for line in said)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--time-limit", "30"), "'30' is no length of time"),
        (("--steps", 0), "--steps is 0 and must be at least 1"),
        (("--snr-range", 2, 1), "SNR range"),
        (("--device", "auto", "--gpu", "97"), "cuda:97"),
        (("--resume",), "no training run to be resumed"),
        (("--vgg19", "none.pth", "--perceptual", "vgg19"), "none.pth"),
        (("--preset", "best"), "best"),
    ],
)
def test_mistakes(
    training: TrainingProject,
    iceblock: Run,
    capsys: pytest.CaptureFixture[str],
    more: tuple[object, ...],
    says: str,
) -> None:
    assert iceblock(*arguments(training, *more)) == 1
    error = capsys.readouterr().err
    assert says in error
    assert "Traceback" not in error
    assert error_of(error).startswith("iceblock: ")


def test_noise_must_be_given(iceblock: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert iceblock("train", "--out", "Tuned") != 0
    assert "--noise" in capsys.readouterr().err
