"""The pairs of each training step: the same for the same seed and step, whoever draws them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch

from ...errors import IceblockError

if TYPE_CHECKING:
    from ...compute.distributed import Ranks
    from ...simulate.pairs import PairGenerator
    from .config import TrainingConfig


@dataclass(frozen=True)
class Batch:
    """What a training step sees, on the training device."""

    noisy: torch.Tensor
    """(n, 1, box, box), channels last."""
    clean: torch.Tensor
    """(n, box, box)."""
    snr: torch.Tensor
    """(n,)."""


def draw_batch(pairs: PairGenerator, config: TrainingConfig, step: int, ranks: Ranks) -> Batch:
    """Draw this process's share of the batch of a step.

    A batch has `config.parts` parts, each with a seed of its own, and process r takes every
    `ranks.size`-th of them from the r-th on: two processes see together what one sees alone.
    """
    if config.parts % ranks.size:
        raise IceblockError(
            f"A batch of {config.parts} parts cannot be shared by {ranks.size} processes: train "
            f"with a number of GPUs that divides {config.parts}."
        )
    mine = range(ranks.rank, config.parts, ranks.size)
    drawn = [_draw_part(pairs, config, step, part) for part in mine]
    noisy, clean, snr = (torch.cat(values) for values in zip(*drawn, strict=True))
    return Batch(noisy[:, None].contiguous(memory_format=torch.channels_last), clean, snr)


def _draw_part(
    pairs: PairGenerator, config: TrainingConfig, step: int, part: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    shared = np.random.default_rng([config.seed, step])
    noise_seed = int(shared.integers(2**62))
    box = int(shared.choice(config.boxes))
    rng = shared
    if config.parts > 1:
        rng = np.random.default_rng([config.seed, step, part])
        noise_seed = int(rng.integers(2**62))
    generator = torch.Generator(pairs.volumes[0].device).manual_seed(noise_seed)
    drawn = pairs.draw(config.images(box, pairs.settings.group), box, rng, generator)
    return drawn.noisy, drawn.clean, drawn.snr
