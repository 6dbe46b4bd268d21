"""The networks that a comparison trains side by side, ours among them."""

from __future__ import annotations

from ..denoise.paper.losses import LossSettings
from ..denoise.training.presets import PRESETS
from .dncnn import DnCNN, DnCNNConfig
from .recipe import Recipe
from .unsupervised_gan import UNSUPERVISED_GAN

DNCNN = Recipe(
    "DnCNN",
    DnCNNConfig(),
    LossSettings(),
    build=DnCNN,
    note="17 layers, batch norm, residual learning; squared error over the SNR, as ours",
)
OURS = Recipe(
    "iceblock on the same pairs",
    PRESETS["default"].generator,
    PRESETS["default"].loss,
    note="the preset default, trained on the pairs of DnCNN and of the unsupervised GAN",
)
RIVALS = (DNCNN, UNSUPERVISED_GAN)
