"""The discriminator: five convolutions that tell clean images from denoised ones by patches."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ...errors import IceblockError
from ..generator import Norm, norm_layer

KERNEL = 4


@dataclass(frozen=True)
class DiscriminatorConfig:
    """Arguments of the network; the defaults are the cited one's (Alsaiari et al. 2019)."""

    widths: tuple[int, ...] = (48, 96, 192, 384)
    """Channels after each convolution but the last, which has one."""
    strides: tuple[int, ...] = (2, 2, 2, 1)
    """Stride of each of them."""
    norm: Norm = "group"
    """Normalisation layers, on all but the first and the last; `batch` as in the paper."""
    conditional: bool = True
    """Judge a clean or denoised image together with the noisy one, joined by channel."""

    def __post_init__(self) -> None:
        if len(self.widths) != len(self.strides) or not self.widths:
            raise IceblockError("A discriminator needs one stride for each width.")
        if self.norm not in ("none", "group", "batch"):
            raise IceblockError(f"Unknown normalisation {self.norm!r}: none, group or batch.")


class Discriminator(nn.Module):
    """Logits of "this is a clean image" for overlapping patches.

    Parameters
    ----------
    config
        See `DiscriminatorConfig`.
    """

    def __init__(self, config: DiscriminatorConfig) -> None:
        super().__init__()
        self.config = config
        channels = 2 if config.conditional else 1
        layers: list[nn.Module] = []
        for i, (width, stride) in enumerate(zip(config.widths, config.strides, strict=True)):
            layers.append(nn.Conv2d(channels, width, KERNEL, stride, padding=1))
            if i:
                layers.append(norm_layer(config.norm, width))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            channels = width
        layers.append(nn.Conv2d(channels, 1, KERNEL, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, noisy: torch.Tensor, image: torch.Tensor) -> torch.Tensor:
        """Judge images.

        Parameters
        ----------
        noisy, image : (n, 1, y, x)
            What was given to the generator, and a clean or denoised image; at least 24 pixels
            across. Without a condition `noisy` is not looked at.

        Returns
        -------
        logits : (n, 1, v, u)
            Above 0 where a patch looks clean.
        """
        seen = torch.cat([noisy, image], dim=1) if self.config.conditional else image
        logits: torch.Tensor = self.layers(seen)
        return logits
