"""`relion_iceblock_evaluate`, started by hand as RELION would start it."""

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import mrcfile
import numpy as np
import pytest
import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model
from core.noise.source import SpectrumNoise
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run as denoise
from core.runs.evaluate.options import EvaluateOptions
from core.signal.spectrum import ice_like_power
from core.simulate.dataset import write_dataset
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.wording import renamed, wording
from relion_ext.evaluate import PROGRAM
from relion_ext.program import usage

from ..gate import PATIENCE
from ..warm import WarmServer
from .external_job import ROOT

JOB = "External/job005/"
START = "import sys; from relion_ext import launcher; sys.exit(launcher.evaluate())"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    generator = PairGenerator(
        [volume], SpectrumNoise(ice_like_power()), PairSettings((1.0, 1.0), neighbour_rate=0.0)
    )
    write_dataset(tmp_path, generator, 12, 32, seed=1)
    torch.manual_seed(0)
    network = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
    card = ModelCard("tiny", 6.0, (0.01, 2.0), (5.0, 7.0), (32, 96), (5000.0, 35000.0))
    save_model(tmp_path / "tiny.safetensors", Generator(network), card)
    monkeypatch.chdir(tmp_path)
    denoise(DenoiseOptions(Path("particles.star"), Path("External/job004"), "tiny.safetensors"))
    return tmp_path


def run(project: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-P", "-c", START, "--o", JOB, *arguments]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(
        command, cwd=project, env=environment, capture_output=True, text=True, timeout=PATIENCE
    )


def run_warm(
    server: WarmServer, project: Path, *arguments: str
) -> subprocess.CompletedProcess[str]:
    words = ["relion_iceblock_evaluate", "--o", JOB, *arguments, "--gate", "no", "--j", "1"]
    return server.run(words, project)


def markers(project: Path) -> list[str]:
    return [path.name.removeprefix("RELION_JOB_") for path in (project / JOB).glob("RELION_JOB_*")]


def test_labels_are_options_of_the_run() -> None:
    options = {field.name for field in dataclasses.fields(EvaluateOptions)}
    labels = set(PROGRAM.labels)
    assert labels <= options
    assert options - labels == {
        "denoised", "out", "threads", "project_dir", "report", "command",
    }  # fmt: skip


def test_usage_names_the_inputs() -> None:
    assert "--in_parts FILE [--in_3dref FILE]" in usage(PROGRAM)


def test_a_job_leaves_its_logfile(project: Path) -> None:
    done = run(project, "--in_parts", "External/job004/particles.star", "--gate", "no", "--j", "1")
    assert (done.returncode, markers(project)) == (0, ["EXIT_SUCCESS"]), done.stderr
    job = project / JOB
    assert (job / "logfile.pdf").read_bytes().startswith(b"%PDF")
    assert "</html>" in (job / "report.html").read_text()
    assert "12 of 12 particles" in done.stdout
    nodes = (job / "RELION_OUTPUT_NODES.star").read_text()
    assert "External/job005/logfile.pdf 13 LogFile.pdf.relion" in nodes
    assert np.count_nonzero([line.startswith("External") for line in nodes.splitlines()]) == 1


def test_doubt_of_a_relion_job_about_the_contrast_is_told_again(
    project: Path, server: WarmServer
) -> None:
    with mrcfile.open(project / "Particles" / "simulated.mrcs", "r+") as file:
        file.data[:, 10:22, 10:22] += 30
    out = Path("External/job006")
    with wording(renamed(lambda option: f"the label `{option[2:]}`")):
        denoise(DenoiseOptions(Path("particles.star"), out, "tiny.safetensors", contrast="black"))
    done = run_warm(server, project, "--in_parts", f"{out}/particles.star")
    assert done.returncode == 0, done.stderr
    assert "look white, the other way round than the label `contrast` says" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--in_parts", "particles.star"], "does not name raw images"),
        (["--in_parts", "External/job004/particles.star", "--gpu", "0,1"], "uses one GPU"),
    ],
)
def test_users_mistakes(project: Path, server: WarmServer, arguments: list[str], told: str) -> None:
    done = run_warm(server, project, *arguments)
    assert (done.returncode, markers(project)) == (1, ["EXIT_FAILURE"])
    assert told in done.stderr
    assert "Traceback" not in done.stderr
