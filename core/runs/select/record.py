"""What a selection notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record import RunRecord


@dataclass
class SelectRecord(RunRecord):
    """What a selection has done."""

    particles: int = 0
    kept: int = 0
    rejected: int = 0
    chosen_by: str = ""
    border: float | None = None
    """The score from which on particles are kept."""
    populations: int = 1
    """Of scores; 2 where a valley lies between them."""
    empty: int = 0
    """Particles below the border between two populations that show no contamination."""
    contaminated: int = 0
    """Particles with far more contrast than is usual in the set."""
    unusable: int = 0
    """Particles whose images hold NaN or have a constant background."""
    restored: int = 0
    """Particles whose denoised images gave way to the raw ones."""
    diameter: float = 0.0
    """Å, of the circle in which particles were looked at."""
    micrographs: dict[str, list[int]] = field(default_factory=dict)
    """Kept and rejected particles of each micrograph."""
