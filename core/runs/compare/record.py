"""What a comparison notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..record import RunRecord


@dataclass
class CompareRecord(RunRecord):
    """What a comparison has done."""

    sets: list[str] = field(default_factory=list)
    images: list[int] = field(default_factory=list)
    """In each set."""
    box: int = 0
    """Pixels."""
    pixel_size: float = 0.0
    """Å."""
    structures: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    exceptions: list[Any] = field(default_factory=list)
    """What stands above ours: metric and sentence."""
