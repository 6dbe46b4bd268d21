"""DnCNN (Zhang et al. 2017): seventeen convolutions that predict the noise, which is taken off."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from ..errors import IceblockError


@dataclass(frozen=True)
class DnCNNConfig:
    """Arguments of the network; the defaults are those of the paper for a known noise level."""

    depth: int = 17
    """Convolutions of 3×3 pixels."""
    width: int = 64
    """Channels between them."""

    def __post_init__(self) -> None:
        if self.depth < 3 or self.width < 1:
            raise IceblockError("DnCNN needs a depth of at least 3 and a width of at least 1.")


class DnCNN(nn.Module):
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
