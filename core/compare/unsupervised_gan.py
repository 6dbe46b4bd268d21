"""The GAN without pairs: the discriminator sees images alone, and no loss compares with the truth.

The generator is the one of the preset `default`. What it is asked for is an image that looks like
some clean projection; nothing ties it to the particle that it was given but what the network can
most easily do.
"""

from __future__ import annotations

from ..denoise.paper.discriminator import DiscriminatorConfig
from ..denoise.paper.losses import LossSettings
from ..denoise.training.presets import PRESETS
from .recipe import Recipe

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
