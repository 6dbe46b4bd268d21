"""`relion_iceblock_train`, started by hand as RELION would start it."""

import dataclasses
import os
import subprocess
import sys

import pytest

from core.denoise.model_file import load_model
from core.runs.train.options import TrainOptions
from relion_ext.train import PROGRAM

from ..gate import PATIENCE
from ..told import only_warnings
from ..training_project import TrainingProject, write_project
from ..warm import WarmServer
from .external_job import JOB, ROOT, External

START = "import sys; sys.argv[0] = 'relion_iceblock_train'; from relion_ext import launcher; "


@pytest.fixture
def training(external: External) -> TrainingProject:
    return write_project(external.project)


def run(external: External, *arguments: str) -> subprocess.CompletedProcess[str]:
    code = f"{START} sys.exit(launcher.train())"
    return subprocess.run(
        [sys.executable, "-P", "-c", code, "--o", JOB, *arguments, "--j", "1"],
        cwd=external.project,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )


def test_labels_are_options_of_the_training() -> None:
    options = {field.name for field in dataclasses.fields(TrainOptions)}
    labels = set(PROGRAM.labels)
    assert labels - options == {"from"}
    assert options - labels == {
        "particles", "out", "start", "threads", "report", "command"
    }  # fmt: skip


@pytest.mark.usefixtures("training")
def test_train_in_a_job(external: External) -> None:
    done = run(
        external, "--in_3dref", "volume.mrc", "--in_parts", "particles.star",
        "--noise", "Noise/blocks.star", "--from", "tiny.safetensors", "--steps", "2",
        "--snr_range", "0.1,1", "--gpu", "cpu", "--pipeline_control", JOB,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert external.markers == ["RELION_JOB_EXIT_SUCCESS"]
    assert only_warnings(done.stderr)
    assert "not used by this job" not in done.stdout
    assert "2/2" in done.stdout
    assert f"the label model = {JOB}model.safetensors" in done.stdout
    nodes = (external.folder / "RELION_OUTPUT_NODES.star").read_text()
    assert f"{JOB}logfile.pdf 13 LogFile.pdf.relion" in nodes
    assert nodes.count(JOB) == 1
    assert (external.folder / "logfile.pdf").read_bytes().startswith(b"%PDF")
    card = load_model(external.folder / "model.safetensors").card
    assert card.snr_range == (0.1, 1.0)
    assert card.defocus_range == (11950.0, 17900.0)
    assert "relion_iceblock_train" in card.training["command"]


@pytest.mark.usefixtures("training")
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--in_3dref", "volume.mrc"], "needs the label `noise`"),
        (
            ["--noise", "Noise"],
            "Training needs volumes: give `Input 3D reference` or the label `volumes`",
        ),
        (["--in_3dref", "volume.mrc", "--noise", "Noise", "--time_limit", "5"], "length of time"),
        (["--in_3dref", "volume.mrc", "--noise", "Noise", "--snr_range", "1"], "snr_range"),
    ],
)
def test_users_mistakes(
    external: External, server: WarmServer, arguments: list[str], told: str
) -> None:
    words = ["relion_iceblock_train", "--o", JOB, *arguments, "--j", "1"]
    done = server.run(words, external.project)
    assert (done.returncode, external.markers) == (1, ["RELION_JOB_EXIT_FAILURE"])
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_help() -> None:
    from relion_ext.program import usage

    text = usage(PROGRAM)
    assert "relion_iceblock_train --o DIR [--in_3dref FILE] [--in_parts FILE]" in text
    assert "time_limit" in text
