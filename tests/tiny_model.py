"""A model file small enough for tests."""

from pathlib import Path

import torch

from core.denoise.generator import Generator, GeneratorConfig
from core.denoise.model_file import ModelCard, save_model


def write_tiny_model(folder: Path) -> Path:
    torch.manual_seed(0)
    config = GeneratorConfig(widths=(4, 8), strides=(1, 2), residual_blocks=1, stem_kernel=3)
    card = ModelCard("tiny", 4.0, (0.01, 2.0), (3.7, 5.5), (48, 96), (5000.0, 35000.0))
    path = folder / "tiny.safetensors"
    save_model(path, Generator(config), card)
    return path
