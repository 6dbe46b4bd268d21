"""What a denoising run notes in its record."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from ..record import RunRecord


@dataclass
class ModelUsed:
    """Which model denoised."""

    name: str = ""
    file: str = ""


@dataclass
class BoxCounts:
    """What a look at a sample of the raw images has found."""

    looked_at: int = 0
    of: int = 0
    """Images of the set."""
    empty: int = 0
    """Boxes of the sample that look empty; 0 where there is no second population."""
    contaminated: int = 0


@dataclass
class DenoiseRecord(RunRecord):
    """What a denoising run has done."""

    denoised_stacks: str | None = None
    """Folder of the denoised stacks, from the output folder."""
    stack_contrasts: dict[str, int] = field(default_factory=dict)
    """1 or -1, by output stack."""
    contrast_doubtful: bool = False
    contrast_warnings: list[str] = field(default_factory=list)
    """What was told of the contrast, as the user of that run read it."""
    out_of: int | None = None
    """Particles in all, where only some were wanted."""
    whole: str = ""
    """Time and disk that all of them would take."""
    grown: int | None = None
    """How many stacks there were when the set was learned, where there are more now."""
    passed_through: int = 0
    with_outliers: int = 0
    model: ModelUsed = field(default_factory=ModelUsed)
    contrast: str = ""
    contrast_from: str = ""
    """What told the contrast, as in "as you said"."""
    images: int = 0
    particles: int = 0
    stacks: int = 0
    """That were read."""
    computed: int = 0
    """Images of the last pass; so is what follows."""
    found_whole: int = 0
    boxes: BoxCounts | None = None
    sets: list[dict[str, Any]] = field(default_factory=list)
    learning_seconds: float | None = None
    """Of the pass that learned what the set teaches; None where nothing was learned."""
    denoising_seconds: float | None = None
    """Of the last pass that computed anything; so is the speed."""
    images_per_second: float | None = None
