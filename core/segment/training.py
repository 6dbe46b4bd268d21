"""Training of the segmentation network: seeded, in minutes on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ..errors import IceblockError
from .examples import ExampleSource, batch
from .network import SegmentationNet


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how to train."""

    steps: int = 400
    batch: int = 4
    size: int = 256
    """Side of the examples in coarse pixels."""
    learning_rate: float = 2e-3
    warmup: int = 40
    """Steps of linear rise; a cosine falls to zero over the rest."""
    weight_decay: float = 1e-3
    ema: float = 0.98
    """Memory of the running average of the weights, which is what is kept."""
    seed: int = 0
    bf16: bool = True


def train(
    sources: Sequence[ExampleSource],
    weights: Sequence[float],
    settings: TrainingSettings,
    start: SegmentationNet | None = None,
    watch: Callable[[int, float], None] = lambda step, loss: None,
) -> SegmentationNet:
    """Train a segmentation network; the same inputs and seeds give the same network on a CPU.

    Parameters
    ----------
    sources, weights
        Where examples come from and how often each is drawn.
    settings
        How long and how.
    start
        Network to go on from; a new one without.
    watch
        Called after each step with its number and loss.

    Returns
    -------
    network
        The running average, ready for use.

    Raises
    ------
    IceblockError
        If the loss stops being a number.
    """
    torch.manual_seed(settings.seed)
    network = SegmentationNet(start.config if start else None)
    if start is not None:
        network.load_state_dict(start.state_dict())
    network.train().to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    average = SegmentationNet(network.config)
    average.load_state_dict(network.state_dict())
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
    )

    def draw(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        rng = np.random.default_rng((settings.seed, step))
        seen, labels = batch(sources, weights, settings.batch, settings.size, rng)
        return torch.from_numpy(seen), torch.from_numpy(labels)

    with ThreadPoolExecutor(1) as pool:
        coming = pool.submit(draw, 0)
        for step in range(settings.steps):
            examples = coming.result()
            coming = pool.submit(draw, step + 1)
            value = _step(network, optimizer, examples, step, settings)
            _follow(average, network, min(settings.ema, (step + 1) / (step + 10)))
            watch(step, value)
    return average.eval().requires_grad_(False)


def _step(
    network: SegmentationNet,
    optimizer: torch.optim.Optimizer,
    examples: tuple[torch.Tensor, torch.Tensor],
    step: int,
    settings: TrainingSettings,
) -> float:
    """Learn from examples and labels, and give the loss."""
    seen, labels = examples
    for group in optimizer.param_groups:
        group["lr"] = settings.learning_rate * _rate(step, settings)
    with torch.autocast("cpu", torch.bfloat16, enabled=settings.bf16):
        logits = network(seen.contiguous(memory_format=torch.channels_last))
    loss = segmentation_loss(logits.float(), labels)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    nn.utils.clip_grad_norm_(network.parameters(), 1.0)
    optimizer.step()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise IceblockError(
            f"segmentation training diverged at step {step}: the loss is {value}; lower the "
            "learning rate"
        )
    return value


def segmentation_loss(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Cross entropy, unweighted: what it teaches are probabilities that can be taken at their word.

    Rare classes need no weight, because examples are painted with pollution more often than
    micrographs have it, and labels are drawn from probabilities later (`Segmentation.labels`).

    Parameters
    ----------
    logits : (n, 3, h, w)
    labels : (n, h, w) int64
        -1 where there is no label.
    """
    return nn.functional.cross_entropy(logits, labels, ignore_index=-1)


def _rate(step: int, settings: TrainingSettings) -> float:
    if step < settings.warmup:
        return (step + 1) / settings.warmup
    part = (step - settings.warmup) / max(1, settings.steps - settings.warmup)
    return 0.5 * (1 + math.cos(math.pi * min(1.0, part)))


@torch.no_grad()
def _follow(average: SegmentationNet, network: SegmentationNet, memory: float) -> None:
    """Move the running average of weights and of batch norm's statistics."""
    for ours, theirs in zip(
        average.state_dict().values(), network.state_dict().values(), strict=True
    ):
        if ours.is_floating_point():
            ours.lerp_(theirs, 1 - memory)
        else:
            ours.copy_(theirs)
