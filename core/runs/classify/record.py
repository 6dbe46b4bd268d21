"""What a classification notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..record import RunRecord


@dataclass
class ClassifyRecord(RunRecord):
    """What a classification has done."""

    particles: int = 0
    classes: int = 0
    empty: int = 0
    """Images in the class of noise alone."""
    counts: list[int] = field(default_factory=list)
    """Images in each class."""
    resolution: list[float] = field(default_factory=list)
    """Å, of each average."""
    nothing_seen: list[int] = field(default_factory=list)
    """Numbers of classes that show no particle."""
    mask_diameter: float = 0.0
    """Å."""
    box_seen: int = 0
    pixel_size_seen: float = 0.0
    """Box and pixel size (Å) at which images were compared."""
    ctf: bool = False
    log_likelihoods: list[float] = field(default_factory=list)
    """After each iteration, over noise alone."""
    held_out: dict[str, float] | None = None
    """See `Evidence`."""
