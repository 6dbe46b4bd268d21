"""Signs that a training run goes wrong, each in a sentence that says what to do."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from ...errors import IceblockError

PATIENCE = 10
"""Records in a row that must show a collapse before it is believed."""
FEWEST = 10
"""Steps in a record that is looked at."""
EXPLOSION = 10.0
"""The error is this many times its least value: the run does not come back."""
WON, LOST = 0.02, 1e-3
"""Mean loss of a discriminator that is always right; how near a loss of ln 2 is that of one that
cannot tell the sides apart."""


@dataclass
class Watchdog:
    """Looks at the mean losses of each record; what it remembers is part of a checkpoint."""

    least: float = math.inf
    """Least error so far, over that of an all-zero answer."""
    won: int = 0
    lost: int = 0
    """Records in a row in which the discriminator was always right, or no better than a coin."""

    def look(
        self, losses: Mapping[str, float], steps: int, step: int, learning_rate: float
    ) -> str | None:
        """Take note of a record's losses.

        Parameters
        ----------
        losses
            Means over the record's steps: `pixel` and `zero` (the error of an all-zero answer),
            `discriminator` where there is one.
        steps
            Steps in the means; single ones say too little.
        step, learning_rate
            For the message.

        Returns
        -------
        remark
            A sentence about a collapsed discriminator, once for each collapse.

        Raises
        ------
        IceblockError
            If the error has exploded.
        """
        if steps < FEWEST:
            return None
        if losses.get("zero", 0.0) > 0:
            error = losses["pixel"] / losses["zero"]
            if error > EXPLOSION * max(self.least, 0.1):
                raise diverged(
                    step, f"the error is {error / self.least:.0f} times its least", learning_rate
                )
            self.least = min(self.least, error)
        return self._judge(losses["discriminator"]) if "discriminator" in losses else None

    def _judge(self, loss: float) -> str | None:
        self.won = self.won + 1 if loss < WON else 0
        self.lost = self.lost + 1 if abs(loss - math.log(2)) < LOST else 0
        if self.won == PATIENCE:
            return (
                "The discriminator has won: it tells every denoised image from a clean one, and "
                "the adversarial loss teaches nothing any more; give a smaller --adversarial, or 0."
            )
        if self.lost == PATIENCE:
            return (
                "The discriminator has collapsed: it answers the same for clean and denoised "
                "images; start again with a smaller --learning-rate, or with --adversarial 0."
            )
        return None


def require_finite(losses: Mapping[str, float], step: int, learning_rate: float) -> None:
    """Raise IceblockError if a loss or the gradient is NaN or infinite."""
    for name, value in losses.items():
        if not math.isfinite(value):
            what = f"the {name}" if name in ("loss", "gradient") else f"the {name} loss"
            raise diverged(step, f"{what} is no longer a finite number", learning_rate)


def diverged(step: int, why: str, learning_rate: float) -> IceblockError:
    """Make the sentence for a run that cannot go on."""
    return IceblockError(
        f"Training diverged at step {step}: {why}; start again with half the learning rate "
        f"(--learning-rate {learning_rate / 2:.2g}), in another folder or with --overwrite."
    )
