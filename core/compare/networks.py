"""Networks that are trained here, by the same trainer on the same pairs, to be compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..denoise.network import DenoisingNetwork, NetworkConfig
from ..denoise.paper.discriminator import DiscriminatorConfig
from ..denoise.paper.losses import LossSettings
from ..denoise.training.presets import PRESETS, Preset
from ..denoise.training.trainer import Trainer, TrainingConfig
from ..denoise.training.watcher import Watcher
from ..errors import IceblockError
from ..simulate.pairs import PairGenerator

VALIDATE_EVERY = 10**9
"""Steps: nothing is scored while a baseline is trained."""


@dataclass(frozen=True)
class DnCNNConfig(NetworkConfig):
    """Arguments of the network; the defaults are those of the paper for a known noise level."""

    depth: int = 17
    """Convolutions of 3×3 pixels."""
    width: int = 64
    """Channels between them."""

    def __post_init__(self) -> None:
        if self.depth < 3 or self.width < 1:
            raise IceblockError("DnCNN needs a depth of at least 3 and a width of at least 1.")

    def build(self) -> DnCNN:
        """Make the network, with random weights."""
        return DnCNN(self)


class DnCNN(DenoisingNetwork):
    """Image in, denoised image out, any size; batch norm and residual learning as in the paper.

    Parameters
    ----------
    config
        See `DnCNNConfig`.
    """

    def __init__(self, config: DnCNNConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        layers: list[nn.Module] = [nn.Conv2d(1, width, 3, padding=1), nn.ReLU(inplace=True)]
        for _ in range(config.depth - 2):
            layers += [
                nn.Conv2d(width, width, 3, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        layers.append(nn.Conv2d(width, 1, 3, padding=1, bias=False))
        self.noise = nn.Sequential(*layers)
        for layer in self.modules():
            if isinstance(layer, nn.Conv2d):
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Denoise (n, 1, y, x) images normalised on their background ring."""
        return images - torch.as_tensor(self.noise(images))


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained."""

    name: str
    network: NetworkConfig
    loss: LossSettings
    training: dict[str, Any] = field(default_factory=dict)
    """What differs from `TrainingConfig`."""
    note: str = ""

    def config(self, steps: int, box: int, seed: int, bf16: bool) -> TrainingConfig:
        """Give the training's settings; all recipes see as many images in a step."""
        settings = TrainingConfig(
            steps=steps,
            boxes=(box,),
            bf16=bf16,
            seed=seed,
            validate_every=VALIDATE_EVERY,
            checkpoint_seconds=60.0,
        )
        return replace(settings, **self.training)


@dataclass(frozen=True)
class Trained:
    """A network that was trained by a recipe."""

    network: DenoisingNetwork
    images: int
    """Seen in training."""
    seconds: float


def train(
    recipe: Recipe,
    pairs: PairGenerator,
    config: TrainingConfig,
    folder: Path,
    watcher: Watcher | None = None,
) -> Trained:
    """Train a network, or go on where a stopped training in the folder was.

    Parameters
    ----------
    recipe
        What to train.
    pairs
        Source of the training pairs, on the device to train on.
    config
        From `Recipe.config`.
    folder
        Gets the checkpoint and metrics.csv; a finished training there is read back.
    watcher
        Told of every step; may raise to stop.
    """
    trainer = Trainer(Preset(recipe.network, recipe.loss, config), pairs, folder)
    network = trainer.run(watcher)
    return Trained(network, trainer.state.images, trainer.state.seconds)


DNCNN = Recipe(
    "DnCNN",
    DnCNNConfig(),
    LossSettings(),
    note="17 layers, batch norm, residual learning; squared error over the SNR, as ours",
)
UNSUPERVISED_GAN = Recipe(
    "unsupervised GAN",
    PRESETS["default"].generator,
    LossSettings(
        pixel="none",
        adversarial=1.0,
        adversarial_start=0,
        discriminator=DiscriminatorConfig(conditional=False),
    ),
    # Adam as in pix2pix (Isola et al. 2017); with the default's momentum the two sides circle.
    training={"learning_rate": 2e-4, "betas": (0.5, 0.999), "weight_decay": 0.0},
    note="unconditional discriminator, no pairing loss",
)
"""The GAN without pairs: what it is asked for is an image that looks like some clean projection;
nothing ties it to the particle that it was given but what the network can most easily do."""
OURS = Recipe(
    "iceblock on the same pairs",
    PRESETS["default"].generator,
    PRESETS["default"].loss,
    note="the preset default, trained on the pairs of DnCNN and of the unsupervised GAN",
)
RIVALS = (DNCNN, UNSUPERVISED_GAN)
