"""The model file: weights and a JSON description in one .safetensors; nothing is unpickled."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import IceblockError
from ..images.disk import read_error, replacing
from .generator import Generator, GeneratorConfig

if TYPE_CHECKING:
    from pathlib import Path

    import torch

FORMAT = 1
"""Version of the description's layout."""
KEY = "iceblock"


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


@dataclass(frozen=True)
class Model:
    """A network ready to use and its description."""

    generator: Generator
    card: ModelCard
    path: Path
    sha256: str


def save_model(path: Path, generator: Generator, card: ModelCard, *, half: bool = False) -> None:
    """Write a model file under a temporary name, then rename it.

    Parameters
    ----------
    path, generator, card
        Where and what.
    half
        Store weights as float16, in half the space; they are read back as float32.
    """
    description = {
        "format": FORMAT,
        "architecture": "generator",
        "config": asdict(generator.config),
        "card": asdict(card),
    }
    tensors = {k: v.detach().cpu().contiguous() for k, v in generator.state_dict().items()}
    if half:
        tensors = {k: v.half() if v.is_floating_point() else v for k, v in tensors.items()}
    data = save(tensors, metadata={KEY: json.dumps(description, sort_keys=True)})
    with replacing(path) as file:
        file.write(data)


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
        generator = Generator(GeneratorConfig(**_tuples(description["config"])))
        card = ModelCard(**_tuples(description["card"]))
        generator.load_state_dict(tensors)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise IceblockError(f"Model file {path} contradicts itself ({reason}).") from error
    generator.eval().requires_grad_(False)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Model(generator.to(device), card, path, digest)


def read_description(path: Path) -> dict[str, Any]:
    """Read the JSON description of a model file, without building the network."""
    return _read(path, weights=False)[0]


def _read(path: Path, weights: bool = True) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    if not path.is_file():
        raise IceblockError(
            f"Model file {path} does not exist: `iceblock models` lists those that ship."
        )
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise read_error(error, path) from error
    # A safetensors file begins with the length of its header, which may look like either mark.
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise IceblockError(
            f"Model file {path} is a pickle (a torch .pt or .pth file), which can run code when "
            "it is read: iceblock reads .safetensors files only."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()} if weights else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise IceblockError(f"Model file {path} is not a safetensors file: {error}.") from error
    try:
        description = json.loads(metadata[KEY])
    except (KeyError, json.JSONDecodeError) as error:
        raise IceblockError(f"Model file {path} was not written by iceblock.") from error
    if not isinstance(description, dict):
        raise IceblockError(f"Model file {path} was not written by iceblock.")
    if description.get("format") != FORMAT or description.get("architecture") != "generator":
        raise IceblockError(
            f"Model file {path} has format {description.get('format')!r} and this iceblock reads "
            f"format {FORMAT}: use the iceblock that wrote it, or train the model again."
        )
    try:
        ModelCard(**_tuples(description["card"]))
        GeneratorConfig(**_tuples(description["config"]))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise IceblockError(f"Model file {path} describes itself wrongly ({error}).") from error
    return description, tensors


def _tuples(values: dict[str, Any]) -> dict[str, Any]:
    """JSON has no tuples: turn lists back."""
    return {k: tuple(v) if isinstance(v, list) else v for k, v in values.items()}
