"""The learning rate over a run that is limited by steps, by time, or by both."""

from __future__ import annotations

import math
from dataclasses import dataclass

COOLDOWN = 0.25
"""A fall that begins early lasts this part of what was trained before it."""
LONGEST_WARMUP, SHORTEST_WARMUP = 0.1, 20
"""The rise takes at most this part of a run, but not fewer steps than these."""


@dataclass(frozen=True)
class Schedule:
    """A linear rise, a plateau, and a fall to zero as a cosine.

    Progress is the part of the run that is over: of the steps or of the time, whichever is nearer
    to its limit.
    """

    learning_rate: float
    warmup: int
    """Steps of the rise."""
    decay: float
    """Last part of the run, over which the rate falls."""
    steps: int | None = None
    seconds: float | None = None
    """Limits; at least one."""

    def progress(self, step: int, seconds: float) -> float:
        """Part of the run that is over after so many steps and seconds of training."""
        parts = [0.0]
        if self.steps is not None:
            parts.append(step / self.steps)
        if self.seconds is not None:
            parts.append(seconds / self.seconds)
        return max(parts)

    def end(self, fall: float | None = None) -> float:
        """Progress at which the run ends, where the rate began to fall early at `fall`."""
        return 1.0 if fall is None else min(1.0, fall * (1 + COOLDOWN))

    def rate(self, step: int, progress: float, fall: float | None = None) -> float:
        """Learning rate of a step (0-based).

        Parameters
        ----------
        step, progress
            Where the run is.
        fall
            Progress at which the rate began to fall before its time, if it did.
        """
        short = min(progress / LONGEST_WARMUP, (step + 1) / SHORTEST_WARMUP)
        rise = max((step + 1) / max(1, self.warmup), short)
        rate = self.learning_rate * min(1.0, rise)
        begin = 1 - self.decay if fall is None else min(fall, 1 - self.decay)
        if progress <= begin:
            return rate
        part = min(1.0, (progress - begin) / max(1e-9, self.end(fall) - begin))
        return rate * 0.5 * (1 + math.cos(math.pi * part))


@dataclass
class Plateau:
    """Notices that a score has stopped rising; part of a checkpoint."""

    best: float | None = None
    """Highest score so far."""
    stale: int = 0
    """Scores since then."""

    def look(self, score: float) -> None:
        """Take note of a score."""
        if self.best is None or score > self.best:
            self.best, self.stale = score, 0
        else:
            self.stale += 1
