"""The losses of the paper (Eq. 5 to 8), and a squared error weighted by the SNR.

Eq. 8: the generator's loss is `adversarial` · L_GAN + λ1 · L_pixel + λ2 · L_p, where L_p, the
perceptual loss of Eq. 7, is in `perceptual`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from torch.nn import functional as F

from ...errors import IceblockError
from .discriminator import DiscriminatorConfig

Pixel = Literal["mse", "l1", "none"]
Backend = Literal["none", "random", "domain", "vgg19"]


@dataclass(frozen=True)
class LossSettings:
    """What the generator is asked to make small."""

    pixel: Pixel = "mse"
    """Error of the pixels: mean square, mean absolute value (Eq. 6), or none."""
    pixel_weight: float = 1.0
    """λ1."""
    snr_weighted: bool = True
    """Divide each image's error by its SNR (its root for l1), so that weak particles have their
    say too."""
    weakest: float = 0.05
    """Added to the SNR that divides an error: it keeps the weakest images, whose error is mostly
    what the network has not yet learned to leave out, from drowning the strong ones."""
    adversarial: float = 0.0
    """Weight of L_GAN (Eq. 5); 0 trains without a discriminator."""
    adversarial_start: int = 200
    """Steps of training before the discriminator comes in."""
    discriminator: DiscriminatorConfig = field(default_factory=DiscriminatorConfig)
    discriminator_rate: float = 1.0
    """Its learning rate over the generator's."""
    perceptual: Backend = "none"
    """Network whose features Eq. 7 compares."""
    perceptual_weight: float | None = None
    """λ2; by default what gives the gradient `perceptual_share` at the output."""
    perceptual_share: float = 0.2
    """Norm of the perceptual loss's gradient at the output over that of the pixels' loss."""
    perceptual_constant: float = 1.0
    """C of Eq. 7."""

    def __post_init__(self) -> None:
        if self.pixel not in get_args(Pixel):
            raise IceblockError(f"Loss {self.pixel!r} is unknown: give mse, l1 or none.")
        if self.perceptual not in get_args(Backend):
            raise IceblockError(
                f"Perceptual backend {self.perceptual!r} is unknown: give vgg19, domain, random or "
                "none."
            )
        weights = (
            self.pixel_weight,
            self.adversarial,
            self.discriminator_rate,
            self.weakest,
            self.perceptual_weight or 0.0,
            self.perceptual_share,
            self.perceptual_constant,
        )
        if not all(0 <= weight < float("inf") for weight in weights):
            raise IceblockError("The weights of a loss cannot be below 0 or infinite.")
        if not self.has_pixels and self.perceptual != "none" and self.perceptual_weight is None:
            raise IceblockError(
                "A perceptual loss is weighed against that of the pixels: give --loss mse or l1."
            )
        if not (self.has_pixels or self.adversarial or self.perceptual != "none"):
            raise IceblockError("A loss needs the pixels (mse or l1) or a discriminator.")

    @property
    def has_pixels(self) -> bool:
        """Whether the pixels count."""
        return self.pixel != "none" and self.pixel_weight > 0


def pixel_error(
    output: torch.Tensor, clean: torch.Tensor, snr: torch.Tensor, settings: LossSettings
) -> torch.Tensor:
    """Mean error of the pixels, Eq. 6 for `l1` without SNR weights.

    Parameters
    ----------
    output, clean : (n, box, box)
        In units of the background's sd.
    snr : (n,)
        Inside the particle mask.
    settings
        Which error.
    """
    apart = output - clean
    squared = settings.pixel != "l1"
    error = (apart.square() if squared else apart.abs()).mean(dim=(1, 2))
    if settings.snr_weighted:
        weight = snr.to(error.device) + settings.weakest
        error = error / (weight if squared else weight.sqrt())
    return error.mean()


def discriminator_loss(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
    """Eq. 5 as the discriminator sees it: cross entropy on logits, the mean of both sides."""
    one = F.binary_cross_entropy_with_logits(real, torch.ones_like(real))
    other = F.binary_cross_entropy_with_logits(fake, torch.zeros_like(fake))
    return (one + other) / 2


def generator_loss(fake: torch.Tensor) -> torch.Tensor:
    """Eq. 5 as the generator sees it, in the form that does not saturate."""
    return F.binary_cross_entropy_with_logits(fake, torch.ones_like(fake))
