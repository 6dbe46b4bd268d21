"""What can be asked of a whole run, from micrographs to denoised particles, and its outputs."""

from __future__ import annotations

from pathlib import Path

from ...denoise.shipped import DEFAULT
from ...errors import IceblockError
from ...segment.shipped import DEFAULT as SEGMENTATION
from ..common_options import Compiling, Output, Passthrough
from ..denoise.options import Denoising
from ..durations import parse_duration
from ..noise.options import SMALLEST_BOX
from ..option import COMMAND, option
from ..options import option_class
from ..train.options import Training

NOISE, MODEL, DENOISED, CLASSES, TRUST = "Noise", "Model", "Denoised", "Classes", "Trust"
"""Folders of the stages inside the output folder, in their order."""
TIME_LIMIT = 900.0
"""Seconds of fine-tuning, where neither a time nor steps are asked for."""


@option_class(kw_only=True)
class WholeOptions(Training, Denoising, Passthrough, Compiling, Output):
    """What to denoise, and what there is to learn from; the same for every way in.

    The options of the stages stand in the classes from which their own options are made, too.
    """

    particles: Path = option(
        "RELION STAR file or CryoSPARC .cs file", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    micrographs: tuple[Path, ...] = option(
        "A micrographs STAR file, a folder, or image files",
        default=(), metavar="FILE|DIR", otherwise="none; no model is trained", faces=(COMMAND,),
        changes_result=False,
    )  # fmt: skip
    picks: Path | None = option(
        "Where particles are in the micrographs, in any form that `iceblock noise` reads",
        default=None, otherwise="the coordinates of the particles", changes_result=False,
    )  # fmt: skip
    volumes: tuple[Path, ...] = option(
        "Reference: a map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed",
        default=(), spelled="volume", otherwise="none; no model is trained", changes_result=False,
    )  # fmt: skip
    particle_diameter: float | None = option(
        "Longest side of the particle",
        default=None, at_least=10, at_most=10_000, unit="Å",
        otherwise="that of the volume, else 0.6 of the particles' box",
    )  # fmt: skip
    noise_box: int | None = option(
        "Side of the noise blocks in pixels of the micrographs (half or a quarter of it where "
        "ice has no room for more)",
        default=None, at_least=SMALLEST_BOX, unit="pixels",
        otherwise="the particles' box",
    )  # fmt: skip
    model: str = option(
        "What is fine-tuned: a shipped model (see `iceblock models`) or a model file",
        default=DEFAULT, metavar="NAME|FILE", changes_result=False,
    )  # fmt: skip
    segmentation: str = option(
        "Segmentation model: one that ships, or a file",
        default=SEGMENTATION, metavar="NAME|FILE", changes_result=False,
    )  # fmt: skip
    micrograph_pixel_size: float | None = option(
        "Pixel size of the micrographs in Å",
        default=None, unit="Å", above=0, otherwise="from the STAR file, else from the images",
    )  # fmt: skip
    gate: bool = option(
        "Leave out the trial of network and result for hallucination, which takes about a minute",
        default=True,
    )  # fmt: skip
    classify: bool = option("Leave out the 2D classes of the raw particles", default=True)
    steps: int | None = option(
        "Steps of fine-tuning at most", default=None, at_least=1, otherwise="any number"
    )
    time_limit: float | None = option(
        "Stop fine-tuning after 90s, 30m or 2h",
        default=None, read=parse_duration, unit="s", above=0, metavar="TIME",
        otherwise="15m, without a limit if steps are given",
    )  # fmt: skip

    @property
    def seconds(self) -> float | None:
        """Time limit of fine-tuning in seconds; None where steps alone end it."""
        if self.time_limit is None and self.steps is None:
            return TIME_LIMIT
        return self.time_limit

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        if self.picks is not None and not self.micrographs:
            raise IceblockError(
                f"--picks is {self.picks}, and --micrographs is missing: give both, or neither."
            )
