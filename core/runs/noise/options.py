"""What can be asked of a run that cuts noise blocks, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import IceblockError
from ...noise.cutter import CutSettings
from ...segment.model_file import DEFAULT
from ..labelled import check_diameter

if TYPE_CHECKING:
    from pathlib import Path

OVERLAYS = "Overlays"
COUNTS = "counts.star"
REMARKS = "remarks.txt"
UNREADABLE = "unreadable.txt"
INSPECTION = "inspection.pdf"
"""What `iceblock noise inspect` adds to a bank."""
UNDECIDED = "particles that cannot be told from ice without picks"
"""Reason that leaves out a whole micrograph."""
SMALLEST_BOX = 16


@dataclass(frozen=True)
class NoiseOptions:
    """Where to cut noise blocks and how; the same for every way in."""

    micrographs: tuple[Path, ...]
    """A micrographs STAR file, a folder, or image files."""
    out: Path
    box: int
    """Pixels of the micrographs."""
    particle_diameter: float
    """Å."""
    picks: Path | None = None
    masks: Path | None = None
    """Folder with masks of pollution."""
    pixel_size: float | None = None
    """Å; goes before what the files say."""
    model: str = DEFAULT
    """Segmentation model: the name of one that ships, or a file."""
    stride: int | None = None
    overlap: float | None = None
    per_micrograph: int | None = None
    margin: float | None = None
    min_background: float | None = None
    """These five as in `CutSettings`, whose defaults they take."""
    require_picks: bool = False
    """Skip micrographs that the picks do not list."""
    synthetic: int = 0
    """Synthetic blocks to add."""
    threads: int | None = None
    overwrite: bool = False
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    command: str = ""
    """As given, for the record."""

    def settings(self) -> CutSettings:
        """Give the settings of the cutter."""
        names = ("stride", "overlap", "per_micrograph", "margin", "min_background")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return CutSettings(box=self.box, **given)

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        check_diameter(self.particle_diameter)
        for name, value, low in (
            ("box", self.box, SMALLEST_BOX),
            ("number of threads", self.threads, 1),
            ("number of synthetic blocks", self.synthetic, 0),
        ):
            if value is not None and value < low:
                raise IceblockError(f"The {name} is {value} and must be at least {low}.")
        self.settings()
        if self.require_picks and self.picks is None:
            raise IceblockError("Picks are required and none are given; name a file of picks.")
