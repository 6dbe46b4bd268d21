"""What every network that denoises is, whatever it is made of."""

from __future__ import annotations

from dataclasses import dataclass

from torch import nn


@dataclass(frozen=True)
class NetworkConfig:
    """Arguments of a network; each kind of network has a class of its own."""

    def build(self) -> DenoisingNetwork:
        """Make the network, with random weights."""
        raise NotImplementedError


class DenoisingNetwork(nn.Module):
    """Takes noisy images (n, channels, y, x), gives clean ones; keeps its arguments as `config`."""

    config: NetworkConfig
