"""The U-Net that labels a coarse micrograph."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn

from .grid import CHANNELS

CLASSES = ("background", "pollution", "particle")
BACKGROUND, POLLUTION, PARTICLE = range(3)


@dataclass(frozen=True)
class NetworkConfig:
    """Shape of the U-Net (Ronneberger et al. 2015)."""

    widths: tuple[int, ...] = (16, 32, 48, 64, 96)
    """Channels at each level; each level has half the resolution of the one before."""


class SegmentationNet(nn.Module):
    """U-Net with three classes for images of any shape.

    Parameters
    ----------
    config
        Its shape.
    """

    def __init__(self, config: NetworkConfig | None = None) -> None:
        super().__init__()
        self.config = config or NetworkConfig()
        widths = self.config.widths
        self.down = nn.ModuleList(
            _double(below, width)
            for below, width in zip((CHANNELS, *widths[:-1]), widths, strict=True)
        )
        self.up = nn.ModuleList(_double(deep + skip, skip) for skip, deep in pairwise(widths))
        self.head = nn.Conv2d(widths[0], len(CLASSES), 1)

    def features(self, views: torch.Tensor) -> list[torch.Tensor]:
        """Give the encoder's feature maps, from the finest level to the coarsest.

        Parameters
        ----------
        views : (n, 2, h, w)
            h and w multiples of 2 ** (levels - 1).
        """
        maps: list[torch.Tensor] = []
        x = views
        for level, block in enumerate(self.down):
            x = block(nn.functional.avg_pool2d(x, 2) if level else x)
            maps.append(x)
        return maps

    def forward(self, views: torch.Tensor) -> torch.Tensor:
        """Give the logits (n, 3, h, w) of views (n, 2, h, w); any h and w."""
        h, w = views.shape[-2:]
        unit = 2 ** (len(self.down) - 1)
        # The border is repeated, so that what is added looks like no step.
        padded = nn.functional.pad(views, (0, -w % unit, 0, -h % unit), mode="replicate")
        *skips, x = self.features(padded)
        for skip, block in zip(reversed(skips), reversed(self.up), strict=True):
            x = nn.functional.interpolate(x, scale_factor=2.0, mode="bilinear")
            x = block(torch.cat([skip, x], dim=1))
        logits: torch.Tensor = self.head(x)
        return logits[..., :h, :w]


def _double(before: int, after: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with batch norm and leaky ReLU."""
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1),
        nn.Conv2d(after, after, 3, padding=1, bias=False),
        nn.BatchNorm2d(after),
        nn.LeakyReLU(0.1),
    )
