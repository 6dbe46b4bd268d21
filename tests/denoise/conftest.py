from pathlib import Path

import pytest
import torch

from core.denoise.generator import Generator
from core.denoise.model_file import Model, load_model, save_model

from .tiny_network import CARD, TINY


@pytest.fixture
def tiny_file(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    path = tmp_path / "tiny.safetensors"
    save_model(path, Generator(TINY), CARD)
    return path


@pytest.fixture
def tiny_model(tiny_file: Path) -> Model:
    return load_model(tiny_file)
