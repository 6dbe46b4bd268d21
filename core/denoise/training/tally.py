"""Losses of several steps, added up until the next row of metrics.csv."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch

from .divergence import require_finite


@dataclass
class Tally:
    """Sums of named losses; part of a checkpoint, so that a resumed run's rows are the same."""

    sums: dict[str, float] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    """Steps in each sum: a discriminator comes in late."""
    pending: list[dict[str, torch.Tensor]] = field(default_factory=list)
    """Losses that are still on the device, where reading each of them would cost a halt."""

    def add(self, losses: dict[str, torch.Tensor]) -> None:
        """Take note of one step's losses, tensors without dimensions."""
        self.pending.append(losses)

    def settle(self, step: int, learning_rate: float) -> None:
        """Fetch what is pending.

        Parameters
        ----------
        step, learning_rate
            For the message.

        Raises
        ------
        IceblockError
            If a loss or the gradient is not a finite number.
        """
        for losses in self.pending:
            values = torch.stack(list(losses.values())).tolist()
            named = dict(zip(losses, values, strict=True))
            require_finite(named, step, learning_rate)
            for name, value in named.items():
                self.sums[name] = self.sums.get(name, 0.0) + value
                self.counts[name] = self.counts.get(name, 0) + 1
        self.pending.clear()

    def means(self) -> dict[str, float]:
        """Give the means so far, of what is settled."""
        return {name: value / self.counts[name] for name, value in self.sums.items()}

    def take(self) -> dict[str, float]:
        """Give the means and start again."""
        means = self.means()
        self.sums, self.counts = {}, {}
        return means
