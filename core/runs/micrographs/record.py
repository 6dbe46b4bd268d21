"""What a run that denoises micrographs notes in its record."""

from __future__ import annotations

from dataclasses import dataclass

from ..record import RunRecord


@dataclass
class MicrographsRecord(RunRecord):
    """What was done."""

    micrographs: int = 0
    unreadable: int = 0
    particle_diameter: float = 0.0
    """Å."""
    working_pixel_size: float = 0.0
    """Å, of the first micrograph."""
    pollution: float = 0.0
    """Part of all micrographs that was marked."""
    floor: float = 0.0
    """Median standard deviation in empty ice, in units of the raw one at the same pixel size."""
    strength: float = 0.0
    """Median factor of the network's answer."""
    low_pass: float = 0.0
    """Median share of the low-passed raw micrograph."""
    seconds_each: float | None = None
