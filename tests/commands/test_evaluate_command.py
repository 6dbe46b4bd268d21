"""`iceblock evaluate` on what `iceblock denoise` left."""

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from core.commands.evaluate import command
from core.runs.evaluate.options import EvaluateOptions

STAR = Path("Extract/job003/particles.star")
Run = Callable[..., int]


def test_options_are_those_of_the_run() -> None:
    given = {parameter.name for parameter in command.params} - {"quiet"}
    options = {field.name for field in dataclasses.fields(EvaluateOptions)}
    assert given <= options
    assert options - given == {"report", "command"}


@pytest.mark.drawn
def test_denoise_then_evaluate(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q")
    arguments = ("evaluate", "Den/particles.star", "--no-gate", "--sample", "8")
    assert iceblock(*arguments, "--out", "Ev") == 0
    told = capsys.readouterr().err
    assert "8 of 9 particles" in told
    assert "Ev/report.pdf" in told
    assert json.loads(Path("Ev/evaluate.json").read_text())["sample"] == 8
    assert not json.loads(Path("Ev/evaluate.json").read_text())["confidence"]["all"]
    record = json.loads(Path("Ev/run.json").read_text())
    assert record["state"] == "finished"
    assert record["command"].startswith("iceblock evaluate Den/particles.star")


def test_mistakes_are_one_sentence(
    project: Path, iceblock: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    assert iceblock("evaluate", STAR, "--out", "Ev") == 1
    error = capsys.readouterr().err
    assert "does not name raw images" in error
    assert error.count("\n") == 1
    assert not Path("Ev").exists()
