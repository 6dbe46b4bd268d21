import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from core.commands.main import main
from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model

from .small_project import star_text, write_stack

Run = Callable[..., int]


@pytest.fixture
def iceblock(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command line in this process; returns its exit status."""

    def run(*arguments: object) -> int:
        monkeypatch.setattr(sys, "argv", ["iceblock", *map(str, arguments)])
        try:
            main()
        except SystemExit as stop:
            return int(stop.code or 0)
        return 0

    return run


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file small enough for tests."""
    torch.manual_seed(0)
    config = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
    card = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (48, 96), (5000.0, 35000.0))
    path = tmp_path_factory.mktemp("model") / "tiny.safetensors"
    save_model(path, Generator(config), card)
    return path


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project folder, entered, with 9 particles in two stacks of the same name."""
    monkeypatch.chdir(tmp_path)
    write_stack(tmp_path / "Extract/job003/A/mic.mrcs", 6, 32)
    write_stack(tmp_path / "Extract/job003/B/mic.mrcs", 5, 32, seed=1)
    names = [f"{k:06d}@Extract/job003/A/mic.mrcs" for k in (6, 1, 1, 3, 2)]
    names[2:2] = [f"{k:06d}@Extract/job003/B/mic.mrcs" for k in (5, 2, 4, 1)]
    (tmp_path / "Extract/job003/particles.star").write_text(star_text(names))
    return tmp_path
