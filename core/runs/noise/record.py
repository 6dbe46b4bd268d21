"""What a run that cuts noise blocks notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record import RunRecord

WITHOUT_BLOCKS = "without blocks"
"""State of a run that found none: there is nothing to keep."""


@dataclass
class NoiseRecord(RunRecord):
    """What a run that cuts noise blocks has done."""

    box: int | None = None
    """Pixels, where blocks of the box that was asked for were too few and smaller ones are cut."""
    micrographs: int = 0
    unreadable: int = 0
    skipped: int = 0
    with_blocks: int = 0
    blocks: int = 0
    boxes: float = 0.0
    """Area in some block, in boxes."""
    synthetic: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Windows left out, by reason."""
