"""What can be asked of a run that cuts noise blocks, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import IceblockError
from ...segment.shipped import DEFAULT
from ..common_options import Output, Threads
from ..option import COMMAND, RELION, option
from ..options import option_class

if TYPE_CHECKING:
    from ...noise.cutter import CutSettings

OVERLAYS = "Overlays"
COUNTS = "counts.star"
REMARKS = "remarks.txt"
UNREADABLE = "unreadable.txt"
INSPECTION = "inspection.pdf"
"""What `iceblock noise inspect` adds to a bank."""
UNDECIDED = "particles that cannot be told from ice without picks"
"""Reason that leaves out a whole micrograph."""
SMALLEST_BOX = 16


@option_class()
class NoiseOptions(Threads, Output):
    """Where to cut noise blocks and how; the same for every way in."""

    micrographs: tuple[Path, ...] = option(
        "A micrographs STAR file, a folder, or image files",
        argument=True, faces=(COMMAND,), changes_result=False,
    )  # fmt: skip
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    box: int = option(
        "Side of the blocks in pixels of the micrographs (half or a quarter of it where ice "
        "has no room for more)",
        at_least=SMALLEST_BOX,
        unit="pixels",
    )
    particle_diameter: float = option(
        "Longest side of the particle", at_least=10, at_most=10_000, unit="Å"
    )
    picks: Path | None = option(
        "Where particles are: a list or suffix file of RELION's picking, a particles STAR, or a "
        "folder of .star, EMAN .box or .json, or crYOLO .cbox files",
        default=None, faces=(COMMAND, RELION), changes_result=False,
    )  # fmt: skip
    require_picks: bool = option(
        "Skip micrographs that the picks do not list", default=False
    )  # fmt: skip
    masks: Path | None = option(
        "Folder with masks of pollution, as in mic1_mask.png for mic1.mrc; any binning",
        default=None, metavar="DIR", otherwise="none", changes_result=False,
        faces=(COMMAND, RELION),
    )  # fmt: skip
    pixel_size: float | None = option(
        "Pixel size of the micrographs in Å",
        default=None, unit="Å", above=0, otherwise="from the STAR file, else from the images",
        changes_result=False,
    )  # fmt: skip
    model: str = option(
        "Segmentation model: one that ships, or a file",
        default=DEFAULT, metavar="NAME|FILE", changes_result=False,
    )  # fmt: skip
    stride: int | None = option(
        "Step of the window that looks for empty ice",
        default=None, at_least=1, unit="pixels", otherwise="box / 8",
    )  # fmt: skip
    overlap: float | None = option(
        "Largest part of a block's area that is another's too, 0 to below 1",
        default=None, at_least=0, below=1, metavar="PART", otherwise="0.25",
    )  # fmt: skip
    per_micrograph: int | None = option(
        "Blocks at most from each micrograph", default=None, at_least=1, otherwise="any number"
    )
    margin: float | None = option(
        "Distance in Å to particles and pollution",
        default=None, at_least=0, unit="Å", otherwise="10",
    )  # fmt: skip
    min_background: float | None = option(
        "Skip micrographs of which less than this part is background",
        default=None, at_least=0, at_most=1, metavar="PART", otherwise="0.05",
    )  # fmt: skip
    synthetic: int = option(
        "Blocks of synthetic noise to add, with the spectrum of the real ones",
        default=0, at_least=0,
    )  # fmt: skip

    def settings(self) -> CutSettings:
        """Give the settings of the cutter."""
        from ...noise.cutter import CutSettings

        names = ("stride", "overlap", "per_micrograph", "margin", "min_background")
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        return CutSettings(box=self.box, **given)

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        if self.require_picks and self.picks is None:
            raise IceblockError(
                "--require-picks is given without picks; name a file of picks with --picks."
            )
