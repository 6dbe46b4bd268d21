"""The estimate of a network that sees one particle at a time."""

from __future__ import annotations

import copy

import torch

from ...compute.compiled import compiled
from ...compute.device import bf16_pays
from ..confidence import turned
from ..ctf_channel import ctf_factor, joined_channels, reads_ctf, with_ctf_channel
from .estimator import Seen


class Network:
    """A generator on a device.

    Parameters
    ----------
    generator
        Of a model.
    device
        Where to compute.
    fast
        Compile it first, which takes about a minute; see `compiled`.
    """

    name = "network"

    def __init__(
        self, generator: torch.nn.Module, device: torch.device, fast: bool = False
    ) -> None:
        self.bf16 = bf16_pays(device)
        self.device = device
        self._reads_ctf = reads_ctf(generator)
        ready = _ready(generator, device, self.bf16)
        self._network = compiled(ready, device) if fast else ready

    def __call__(self, seen: Seen) -> torch.Tensor:
        """Give the network's answer."""
        return self.answers(seen, 1)[0]

    def answers(self, seen: Seen, views: int) -> list[torch.Tensor]:
        """Ask the network about images (n, b, b), turned in several ways.

        Parameters
        ----------
        seen
            The particles.
        views
            Quarter turns; the answers are turned back.
        """
        images = seen.images
        if not self._reads_ctf:
            return [
                turned(self._answer(turned(images[:, None], view))[:, 0], -view)
                for view in range(views)
            ]
        factor = torch.zeros(len(images), 1, 1, device=images.device)
        if seen.ctf is not None:
            factor = ctf_factor(seen.ctf, seen.pixel_size, images.shape[-1], images.device)
        both = with_ctf_channel(images, factor)
        return [
            joined_channels(turned(self._answer(turned(both, view)), -view), factor)
            for view in range(views)
        ]

    def _answer(self, images: torch.Tensor) -> torch.Tensor:
        """Apply the network to (n, channels, b, b) images."""
        images = images.contiguous(memory_format=torch.channels_last)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            output: torch.Tensor = self._network(images)
        return output.float()


def _ready(generator: torch.nn.Module, device: torch.device, bf16: bool) -> torch.nn.Module:
    """Copy a network to a device, its convolutions' weights as autocast would round them."""
    network = copy.deepcopy(generator)
    network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in network.modules():
        if bf16 and isinstance(layer, torch.nn.Conv2d):
            layer.to(torch.bfloat16)
    return network
