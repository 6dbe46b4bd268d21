"""The pairs of each training step: the same for the same seed and step, whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from ...compute.distributed import Ranks
from ...errors import IceblockError
from ...simulate.pairs import PairGenerator
from ..ctf_channel import ctf_factor, joined_channels, with_ctf_channel
from .config import TrainingConfig

UNTOLD = 0.1
"""Part of the images whose CTF a network that reads CTFs is not told: some users have none."""


@dataclass(frozen=True)
class Batch:
    """What a training step sees, on the training device."""

    noisy: torch.Tensor
    """(n, channels of the network, box, box), channels last."""
    clean: torch.Tensor
    """(n, box, box)."""
    snr: torch.Tensor
    """(n,)."""
    factor: torch.Tensor | None = None
    """(n, box, box // 2 + 1) CTFs, for a network that reads them."""

    def tensors(self) -> list[torch.Tensor]:
        """Give all of them."""
        return [value for value in vars(self).values() if value is not None]

    def answer(self, output: torch.Tensor) -> torch.Tensor:
        """Give what a network's output comes to, (n, 1, box, box) float32."""
        if self.factor is None:
            return output.float()
        return joined_channels(output.float(), self.factor)[:, None]


def draw_batch(
    pairs: PairGenerator,
    config: TrainingConfig,
    step: int,
    ranks: Ranks,
    reads_ctf: bool = False,
) -> Batch:
    """Draw this process's share of the batch of a step, for a network that reads CTFs or not.

    A batch has `config.parts` parts, each with a seed of its own, and process r takes every
    `ranks.size`-th of them from the r-th on: two processes see together what one sees alone.
    """
    if config.parts % ranks.size:
        raise IceblockError(
            f"A batch of {config.parts} parts cannot be shared by {ranks.size} processes: train "
            f"with a number of GPUs that divides {config.parts}."
        )
    mine = range(ranks.rank, config.parts, ranks.size)
    drawn = [_draw_part(pairs, config, step, part, reads_ctf) for part in mine]
    noisy, clean, snr, factor = (torch.cat(values) for values in zip(*drawn, strict=True))
    return shown(noisy, clean, snr, factor if reads_ctf else None)


def shown(
    noisy: torch.Tensor, clean: torch.Tensor, snr: torch.Tensor, factor: torch.Tensor | None
) -> Batch:
    """Show pairs to a network; without factors, to one that reads no CTFs.

    Parameters
    ----------
    noisy, clean, snr
        Fields of `Pairs`.
    factor
        From `ctf_factor`.
    """
    seen = noisy[:, None] if factor is None else with_ctf_channel(noisy, factor)
    return Batch(seen.contiguous(memory_format=torch.channels_last), clean, snr, factor)


def _draw_part(
    pairs: PairGenerator, config: TrainingConfig, step: int, part: int, reads_ctf: bool
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    shared = np.random.default_rng([config.seed, step])
    noise_seed = int(shared.integers(2**62))
    box = int(shared.choice(config.boxes))
    rng = shared
    if config.parts > 1:
        rng = np.random.default_rng([config.seed, step, part])
        noise_seed = int(rng.integers(2**62))
    generator = torch.Generator(pairs.volumes[0].device).manual_seed(noise_seed)
    drawn = pairs.draw(config.images(box, pairs.settings.group), box, rng, generator)
    factor = torch.empty(0)
    if reads_ctf:
        factor = ctf_factor(drawn.ctf, drawn.pixel_size, box, drawn.noisy.device)
        told = torch.as_tensor(rng.uniform(size=len(factor)) >= UNTOLD, device=factor.device)
        factor = factor * told[:, None, None]
    return drawn.noisy, drawn.clean, drawn.snr, factor
