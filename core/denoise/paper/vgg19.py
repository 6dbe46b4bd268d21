"""VGG-19's feature layers, with weights from a file of the user's or drawn at random."""

from __future__ import annotations

import hashlib
import pickle
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from ...errors import IceblockError
from ...images.disk import read_error, reading

SHA256 = "dcbb9e9d"
"""How the SHA-256 of torchvision's vgg19-dcbb9e9d.pth begins."""
BLOCKS = ((64, 2), (128, 2), (256, 4), (512, 4), (512, 4))
"""Channels and number of convolutions between poolings."""
IMAGENET_MEAN, IMAGENET_SD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


class Vgg19(nn.Module):
    """VGG-19's convolutions up to one of its activations (Simonyan & Zisserman 2015).

    Parameters
    ----------
    last
        Name of the activation, `relu1_1` to `relu5_4`.
    span
        Grey values that the network is to see as 0 and 1, the same for all images.
    """

    def __init__(self, last: str = "relu3_4", span: tuple[float, float] = (0.0, 1.0)) -> None:
        super().__init__()
        self.layers = nn.Sequential(*_vgg_layers(last))
        mean = torch.tensor(IMAGENET_MEAN)[:, None, None]
        sd = torch.tensor(IMAGENET_SD)[:, None, None]
        low, high = span
        # ((x - low) / (high - low) - mean) / sd, in one multiplication and one addition
        self.register_buffer("gain", 1 / (sd * (high - low)), persistent=False)
        self.register_buffer("offset", -(low / (high - low) + mean) / sd, persistent=False)

    def features(self, x: torch.Tensor) -> list[torch.Tensor]:
        """Return the activations of the last layer for (n, 1, y, x) images."""
        coloured = x * self.get_buffer("gain") + self.get_buffer("offset")
        return [self.layers(coloured)]


def randomise(network: Vgg19, seed: int) -> None:
    """Draw weights that keep the activations' scale from layer to layer (He et al. 2015)."""
    generator = torch.Generator().manual_seed(seed)
    for layer in network.layers:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu", generator=generator)
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]


def load_weights(network: Vgg19, path: Path) -> None:
    """Load weights.

    Parameters
    ----------
    network
        Gets those of its own layers; a file's other layers and its classifier are left alone.
    path
        torchvision's .pth, or a .safetensors with the same names.

    Raises
    ------
    IceblockError
        If the file is missing, is another one, or its weights do not fit.
    """
    tensors = _read_safetensors(path) if path.suffix == ".safetensors" else _read_pth(path)
    wanted = {f"features.{name}": name for name in network.layers.state_dict()}
    missing = next((name for name in wanted if name not in tensors), None)
    if missing is not None:
        raise IceblockError(f"{path} holds no {missing}: give the weights of torchvision's VGG-19.")
    try:
        network.layers.load_state_dict({wanted[name]: tensors[name] for name in wanted})
    except (RuntimeError, TypeError, AttributeError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise IceblockError(
            f"The weights in {path} are not VGG-19's ({reason}): give those of torchvision's "
            "VGG-19."
        ) from error


def _vgg_layers(last: str) -> list[nn.Module]:
    layers: list[nn.Module] = []
    channels = 3
    for block, (width, count) in enumerate(BLOCKS, start=1):
        for number in range(1, count + 1):
            layers += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU(inplace=True)]
            channels = width
            if last == f"relu{block}_{number}":
                return layers
        layers.append(nn.MaxPool2d(2))
    raise IceblockError(f"VGG-19 has no layer {last!r}: give relu1_1 to relu5_4.")


def _read_pth(path: Path) -> dict[str, torch.Tensor]:
    """Read torchvision's file; its hash is looked at before anything in it."""
    with reading(path), path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if not digest.startswith(SHA256):
        raise IceblockError(
            f"{path} is not torchvision's VGG-19: its SHA-256 begins {digest[:8]} and not "
            f"{SHA256}; download vgg19-dcbb9e9d.pth again."
        )
    try:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, pickle.UnpicklingError, EOFError, ValueError) as error:
        raise IceblockError(f"{path} cannot be read as weights: download it again.") from error
    assert isinstance(tensors, dict)
    return tensors


def _read_safetensors(path: Path) -> dict[str, torch.Tensor]:
    try:
        return load_file(path)
    except OSError as error:
        raise read_error(error, path) from error
    except (SafetensorError, ValueError) as error:
        raise IceblockError(f"{path} is not a safetensors file: {error}.") from error
