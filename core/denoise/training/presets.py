"""Choices of network, loss and schedule that belong together."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from ..generator import PRESETS as GENERATORS
from ..network import NetworkConfig
from ..paper.discriminator import DiscriminatorConfig
from ..paper.losses import LossSettings
from .config import TrainingConfig


@dataclass(frozen=True)
class Preset:
    """A network and a way to train it."""

    generator: NetworkConfig
    loss: LossSettings
    training: TrainingConfig
    box: int | None = None
    """Pixels, where the images must have this box."""
    vgg19: Path | None = None
    """Weights of the perceptual network of that name."""

    def settings(self) -> dict[str, Any]:
        """Give all that the weights depend on, besides the pairs and the weights at the start."""
        training = asdict(self.training)
        del training["checkpoint_seconds"]
        return {**training, "network": asdict(self.generator), "loss": asdict(self.loss)}


_DEFAULT = Preset(GENERATORS["default"], LossSettings(), TrainingConfig(steps=6000))

PRESETS = {
    "default": _DEFAULT,
    "large": replace(_DEFAULT, generator=GENERATORS["large"]),
    "paper": Preset(
        GENERATORS["paper"],
        LossSettings(
            pixel="l1",
            pixel_weight=100.0,
            snr_weighted=False,
            adversarial=1.0,
            discriminator=DiscriminatorConfig(norm="batch"),
            perceptual="vgg19",
        ),
        TrainingConfig(
            steps=20_000,
            batch=256,  # 16 images of 256 pixels
            boxes=(256,),
            learning_rate=2e-4,
            betas=(0.5, 0.999),
            weight_decay=0.0,
        ),
        box=256,
    ),
}
"""`default`: ours; `large`: the same for boxes whose particles outgrow its field of view; `paper`:
Tang et al. 2022 with images of 256 pixels, and with pix2pix's numbers (Isola et al. 2017) where the
paper gives none: λ1, Adam's settings, the batch."""


def fine_tuning(preset: Preset) -> Preset:
    """Change a preset for a network that is trained already: shorter and with smaller steps."""
    training = replace(
        preset.training,
        steps=1500,
        learning_rate=preset.training.learning_rate / 4,
        warmup=50,
        ema=0.99,
    )
    return replace(preset, training=training)
