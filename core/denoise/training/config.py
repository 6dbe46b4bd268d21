"""How long and how to train."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import IceblockError


@dataclass(frozen=True)
class TrainingConfig:
    """Everything about a training run but the network, the loss and the pairs."""

    steps: int | None = 2000
    """Where to stop; None for a run that time alone limits."""
    seconds: float | None = None
    """Training time, over all sittings, after which to stop; the learning rate falls with it."""
    patience: int | None = None
    """Validations without a better score after which the learning rate falls early."""
    batch: int = 32
    """Images of a 64-pixel box in a step; larger boxes come in smaller batches."""
    boxes: tuple[int, ...] = (64,)
    """One is drawn for each step, pixels."""
    parts: int = 1
    """Pieces that a batch is drawn in, each from a seed of its own, to be shared by processes."""
    learning_rate: float = 6e-4
    warmup: int = 200
    """Steps of linear rise."""
    decay: float = 0.4
    """Last part of the run, over which the rate falls to zero as a cosine."""
    betas: tuple[float, float] = (0.9, 0.99)
    """For AdamW."""
    weight_decay: float = 1e-4
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.999
    """Memory of the running average of the weights, which is what is kept."""
    bf16: bool = True
    compile: bool = False
    """Let torch.compile fuse the network's operations."""
    seed: int = 0
    validate_every: int = 500
    """Steps; runs limited by time also validate at each tenth of it."""
    record_every: int = 50
    """Steps between the rows of metrics.csv."""
    checkpoint_seconds: float = 120.0

    def __post_init__(self) -> None:
        if self.steps is None and self.seconds is None:
            raise IceblockError("Training needs an end: give a number of steps or a time limit.")
        limits = (self.steps, self.seconds, self.patience)
        if any(limit is not None and not 0 < limit < float("inf") for limit in limits):
            raise IceblockError("Steps, time limit and patience must be above 0.")
        if not 0 < self.learning_rate < float("inf"):
            raise IceblockError(f"The learning rate is {self.learning_rate:g} and must be above 0.")
        if min(self.batch, self.parts, self.validate_every, self.record_every, *self.boxes) < 1:
            raise IceblockError("Batch, boxes and intervals of training must be at least 1.")
        if not (0 <= self.decay <= 1 and 0 <= self.ema < 1):
            raise IceblockError("Decay must lie between 0 and 1, and the average's memory below 1.")

    def images(self, box: int, group: int) -> int:
        """Images in one part of a step's batch: whole groups that show one volume."""
        return max(group, round(self.batch * (64 / box) ** 2 / group / self.parts) * group)
