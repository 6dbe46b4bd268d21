"""`iceblock denoise --confidence`: a column for every particle, whatever stops the run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.images.mrc.reader import read_header, read_images
from core.images.particles import read_particles
from core.runs.denoise.options import DenoiseOptions
from core.runs.denoise.run import run

STAR = Path("Extract/job003/particles.star")
Run = Callable[..., int]


@pytest.mark.drawn
def test_every_row_has_the_confidence_of_its_image_and_keeps_it(
    project: Path, iceblock: Run, model: Path
) -> None:
    assert iceblock("denoise", STAR, "--out", "Den", "--model", model, "-q", "--confidence") == 0
    raw, made = read_particles(STAR), read_particles(Path("Den/particles.star"))
    assert made.confidences is not None
    denoiser = Denoiser(load_model(model), torch.device("cpu"))
    for row in range(raw.n):
        stack = read_header(raw.path_of(raw.stacks[raw.stack_ids[row]]))
        image = read_images(stack, raw.indices[row : row + 1])
        expected = denoiser.answer(image, 4.0, confidence=True).confidence[0]
        assert made.confidences[row] == pytest.approx(expected, abs=1e-4)
    assert len(np.unique(made.confidences)) == len(set(raw.names))
    assert iceblock("restore", "Den/particles.star", "--out", "raw.star") == 0
    back = read_particles(Path("raw.star"))
    assert back.names == raw.names
    np.testing.assert_array_equal(back.confidences, made.confidences)


def test_it_is_another_run_than_one_without(
    project: Path, iceblock: Run, model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ("denoise", STAR, "--out", "Den", "--model", model, "-q")
    assert iceblock(*arguments) == 0
    assert read_particles(Path("Den/particles.star")).confidences is None
    assert iceblock(*arguments, "--confidence") == 1
    assert "different: confidence" in capsys.readouterr().err


def test_a_killed_run_goes_on_to_the_same_bytes(project: Path, model: Path) -> None:
    """kill -9 where the second stack is half done."""
    program = (
        "import time; from pathlib import Path; from core.runs.denoise.run import run\n"
        "from core.runs.denoise.options import DenoiseOptions\n"
        "def beat():\n"
        "    if Path('Den/Particles/mic.confidence').exists(): Path('half').touch()\n"
        "    time.sleep(0.05 if not Path('half').exists() else 60)\n"
        f"run(DenoiseOptions(Path({str(STAR)!r}), Path('Den'), {str(model)!r}, batch_size=2,"
        " confidence=True), heartbeat=beat)\n"
    )
    root = Path(__file__).parents[2]
    environment = os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([sys.executable, "-c", program], env=environment)
    end = time.monotonic() + 120
    while not Path("half").exists():
        assert process.poll() is None
        assert time.monotonic() < end
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not Path("Den/particles.star").exists()
    for folder in ("Den", "Whole"):
        run(DenoiseOptions(STAR, Path(folder), str(model), batch_size=2, confidence=True))
    for name in ("mic.mrcs", "mic_2.mrcs", "mic.confidence", "mic_2.confidence"):
        left, right = (Path(f, "Particles", name).read_bytes() for f in ("Den", "Whole"))
        assert left == right
    found = Path("Den/particles.star").read_text().replace("@Den/", "@Whole/")
    assert found == Path("Whole/particles.star").read_text()
