"""A trained network's weights, for one that reads the CTF as well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from core.denoise.generator import Generator, GeneratorConfig

if TYPE_CHECKING:
    from core.denoise.network import DenoisingNetwork


def widened(network: DenoisingNetwork, config: GeneratorConfig) -> dict[str, torch.Tensor]:
    """Give a trained network's weights to one of a configuration that may read CTFs as well.

    The weights of what is new are 0: before it is trained further, it answers as the old one.

    Raises
    ------
    TypeError
        If the trained network is of another kind.
    RuntimeError
        If the two differ in anything else.
    """
    if not isinstance(network, Generator):
        raise TypeError(f"{type(network).__name__} is not a Generator")
    state = {name: value.clone() for name, value in network.state_dict().items()}
    if config.reads_ctf and not network.config.reads_ctf:
        for name, axis in (("down.0.0.weight", 1), ("out.weight", 0), ("out.bias", 0)):
            state[name] = torch.cat([state[name], torch.zeros_like(state[name])], dim=axis)
    return state
