"""What can be asked of a run that denoises micrographs, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path

from ...denoise.shipped import MICROGRAPHS as MODEL
from ..common_options import Device, Output
from ..option import COMMAND, RELION, option
from ..options import option_class

MICROGRAPHS, PICTURES = "Micrographs", "Pictures"
TABLE = "micrographs.star"
FULL, WORKING = "full", "working"


@option_class()
class MicrographsOptions(Device, Output):
    """Which micrographs to denoise and how; the same for every way in."""

    micrographs: tuple[Path, ...] = option(
        "A micrographs STAR file, CryoSPARC exposures (.cs), a folder, or image files",
        argument=True, faces=(COMMAND,), changes_result=False,
    )  # fmt: skip
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    size: str = option(
        "Pixels of the denoised micrographs: those of the raw ones, or the fewer and larger ones "
        "at which the network works",
        default=FULL, choices=(FULL, WORKING),
    )  # fmt: skip
    particle_diameter: float | None = option(
        "Longest side of the particle", default=None, at_least=10, at_most=10_000, unit="Å",
        otherwise="found in the first micrographs",
    )  # fmt: skip
    picks: Path | None = option(
        "Picks to draw into the pictures: a list or suffix file of RELION's picking, a particles "
        "STAR, or a folder of .star, EMAN .box or .json, or crYOLO .cbox files",
        default=None, faces=(COMMAND, RELION), changes_result=False,
    )  # fmt: skip
    pixel_size: float | None = option(
        "Pixel size of the micrographs in Å",
        default=None, unit="Å", above=0, otherwise="from the STAR file, else from the images",
        changes_result=False,
    )  # fmt: skip
    model: str = option(
        "A shipped model (see `iceblock models`) or a model file",
        default=MODEL, metavar="NAME|FILE", changes_result=False,
    )  # fmt: skip
    dtype: str = option(
        "Number type of the denoised micrographs; float16 takes half the space, and RELION 3.1 "
        "cannot read it",
        default="float32", choices=("float32", "float16"),
    )  # fmt: skip
    processes: int | None = option(
        "Processes that share the micrographs",
        default=None, at_least=1, otherwise="one, or one for each GPU", changes_result=False,
    )  # fmt: skip
    project_dir: Path | None = option(
        "CryoSPARC's project folder, where paths in a .cs file start",
        default=None, otherwise="found", metavar="DIR", faces=(COMMAND,), changes_result=False,
    )  # fmt: skip

    @property
    def output(self) -> Path:
        """The STAR file of the denoised micrographs."""
        return self.out / TABLE

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names inside `out` of all that is made."""
        return TABLE, MICROGRAPHS, PICTURES, self.report
