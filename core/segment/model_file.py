"""The segmentation model on disk, and the one that ships."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch

from ..errors import IceblockError
from ..images.tensor_file import digest, read_tensors, write_tensors
from .network import NetworkConfig, SegmentationNet
from .shipped import DEFAULT, find_model

ARCHITECTURE = "segmentation"
"""The model that ships."""
_MOST_LEVELS, _WIDEST = 8, 1 << 14


@dataclass(frozen=True)
class SegmentationCard:
    """What a segmentation model says of itself."""

    name: str
    micrographs: tuple[str, ...] = ()
    """What it was trained on."""
    training: dict[str, Any] = field(default_factory=dict)
    """Steps, seed, diameters, software."""
    scores: dict[str, Any] = field(default_factory=dict)
    """Held-out scores."""


@dataclass(frozen=True)
class SegmentationModel:
    """A network ready to use and its description."""

    network: SegmentationNet
    card: SegmentationCard
    path: Path
    sha256: str


def save_model(path: Path, network: SegmentationNet, card: SegmentationCard) -> None:
    """Write a model file, whole or not at all; weights as float16."""
    description = {"config": asdict(network.config), "card": asdict(card)}
    write_tensors(path, ARCHITECTURE, description, network.state_dict(), half=True)


def load_model(name: str | Path = DEFAULT) -> SegmentationModel:
    """Read a segmentation model.

    Parameters
    ----------
    name
        Of the model that ships, or a file.

    Raises
    ------
    IceblockError
        If there is no such file, it is no segmentation model, or it contradicts itself.
    """
    path = find_model(str(name))
    description, tensors = read_tensors(path, ARCHITECTURE)
    try:
        # Without memory of its own: how large it is may be told by the weights only.
        with torch.device("meta"):
            network = SegmentationNet(NetworkConfig(_widths(description["config"]["widths"])))
        network.load_state_dict({k: v.clone() for k, v in tensors.items()}, assign=True)
        card = description["card"]
        made = SegmentationCard(**{**card, "micrographs": tuple(card["micrographs"])})
        if not isinstance(made.name, str):
            raise ValueError(f"its name is {made.name!r:.60}")
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise IceblockError(f"Model file {path} contradicts itself ({reason}).") from error
    network.eval().requires_grad_(False)
    return SegmentationModel(network, made, path, digest(path))


def _widths(values: Any) -> tuple[int, ...]:
    """Check the channels of the levels; ValueError for those that no network has."""
    if (
        not isinstance(values, list)
        or not 0 < len(values) <= _MOST_LEVELS
        or not all(type(value) is int and 0 < value <= _WIDEST for value in values)
    ):
        raise ValueError(f"its widths are {values!r:.60}")
    return tuple(values)
