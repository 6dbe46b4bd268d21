"""The model file: weights and a JSON description in one .safetensors; nothing is unpickled."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import IceblockError
from ..images.tensor_file import digest, read_tensors, write_tensors
from .generator import Generator, GeneratorConfig
from .model_check import check_description
from .network import DenoisingNetwork

ARCHITECTURE = "generator"


@dataclass(frozen=True)
class ModelCard:
    """What a model file says of itself."""

    name: str
    working_pixel_size: float
    """Å: images are brought to about this pixel size before the network sees them."""
    snr_range: tuple[float, float]
    """Range of the training images' SNR inside the particle mask."""
    pixel_size_range: tuple[float, float]
    """Å, range of the training images' pixel sizes."""
    box_range: tuple[int, int]
    """Range of the training images' boxes at the working pixel size, pixels."""
    defocus_range: tuple[float, float]
    """Å."""
    ctf: str = "modulated"
    """`modulated`: the output still carries the CTF of its row."""
    volumes: tuple[str, ...] = ()
    noise: tuple[str, ...] = ()
    training: dict[str, Any] = field(default_factory=dict)
    """Steps, seed, loss, software, hardware."""
    scores: dict[str, Any] = field(default_factory=dict)
    """Held-out scores beside those of trivial methods."""
    noise_statistics: dict[str, Any] = field(default_factory=dict)
    """What `noise.statistics` says of the noise of training; empty in files without."""


@dataclass(frozen=True)
class Model:
    """A network ready to use and its description."""

    generator: DenoisingNetwork
    card: ModelCard
    path: Path
    sha256: str


def save_model(
    path: Path, generator: DenoisingNetwork, card: ModelCard, *, half: bool = False
) -> None:
    """Write a model file under a temporary name, then rename it.

    Parameters
    ----------
    path, generator, card
        Where and what.
    half
        Store weights as float16, in half the space; they are read back as float32.
    """
    description = {"config": asdict(generator.config), "card": asdict(card)}
    write_tensors(path, ARCHITECTURE, description, generator.state_dict(), half=half)


def load_model(path: Path, device: torch.device | str = "cpu") -> Model:
    """Read a model file.

    Raises
    ------
    IceblockError
        If the file is missing, no safetensors file, not iceblock's, of another format version,
        or its weights do not fit its own description.
    """
    description, tensors = _read(path)
    try:
        # Without memory of its own: how large it is may be told by the weights only.
        with torch.device("meta"):
            generator = Generator(GeneratorConfig(**_tuples(description["config"])))
        card = ModelCard(**_tuples(description["card"]))
        generator.load_state_dict({k: v.clone() for k, v in tensors.items()}, assign=True)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise IceblockError(f"Model file {path} contradicts itself ({reason}).") from error
    generator.eval().requires_grad_(False)
    return Model(generator.to(device), card, path, digest(path))


def read_description(path: Path) -> dict[str, Any]:
    """Read the JSON description of a model file, without building the network."""
    return _read(path, weights=False)[0]


def _read(path: Path, weights: bool = True) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    description, tensors = read_tensors(path, ARCHITECTURE, weights=weights)
    try:
        card, config = _tuples(description["card"]), _tuples(description["config"])
        ModelCard(**card)
        check_description(card, config, len(tensors) if weights else None)
        GeneratorConfig(**config)
    except (KeyError, TypeError, AttributeError, ValueError, IceblockError) as error:
        raise IceblockError(f"Model file {path} describes itself wrongly ({error}).") from error
    return description, tensors


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples: turn lists back."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
