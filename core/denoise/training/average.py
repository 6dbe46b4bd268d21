"""A running average of a network's weights, which is better than any of them."""

from __future__ import annotations

import copy

import torch

from ..network import DenoisingNetwork


class RunningAverage:
    """An exponential moving average of a generator's state.

    Parameters
    ----------
    generator
        Whose weights are averaged; the average starts from them.
    memory
        Part of the average that a step leaves, once enough steps are done.
    ramp
        Forget the start sooner, as is right for random weights.
    """

    def __init__(self, generator: DenoisingNetwork, memory: float, ramp: bool) -> None:
        self.network = copy.deepcopy(generator).eval().requires_grad_(False)
        self._memory = memory
        self._ramp = ramp

    @torch.no_grad()
    def update(self, generator: DenoisingNetwork, step: int) -> None:
        """Take note of the weights after a step (0-based); buffers are averaged too."""
        memory = min(self._memory, (1 + step) / (10 + step)) if self._ramp else self._memory
        new = generator.state_dict()
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                value.lerp_(new[name].to(value.dtype), 1 - memory)
            else:
                value.copy_(new[name])
