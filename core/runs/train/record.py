"""What a training run notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record import RunRecord


@dataclass
class ModelMade:
    """Which model was trained."""

    name: str = ""
    file: str = ""
    sha256: str = ""


@dataclass
class TrainRecord(RunRecord):
    """What a training run has done."""

    model: ModelMade = field(default_factory=ModelMade)
    started_from: str = "random weights"
    steps: int = 0
    images: int = 0
    training_seconds: float = 0.0
    images_per_second: float = 0.0
    box: int = 0
    """Pixels."""
    pixel_size: float = 0.0
    """Å."""
    volumes: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    held_out: list[str] = field(default_factory=list)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    """By method, correlations at each SNR."""
    gain: dict[str, float] | None = None
    """See `paired_gain`."""
