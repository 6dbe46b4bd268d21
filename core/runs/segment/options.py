"""What can be asked of segmentation, and of the training of its network."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ...segment.shipped import DEFAULT
from ..common_options import Device, Output, Threads
from ..option import COMMAND, option
from ..options import Options, option_class


@option_class(kw_only=True)
class Micrographs(Options):
    """What is known of the micrographs."""

    group: ClassVar[str] = "Options"

    micrographs: tuple[Path, ...] = option(
        "A micrographs STAR file, a folder, or image files", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    particle_diameter: float = option(
        "Longest side of the particle", at_least=10, at_most=10_000, unit="Å"
    )
    picks: Path | None = option(
        "Picks: autopick.star, coords_suffix_*.star, particles.star, or a folder of .star, EMAN "
        ".box or .json, or crYOLO .cbox files",
        default=None, metavar="FILE|DIR", changes_result=False,
    )  # fmt: skip
    masks: Path | None = option(
        "Folder with masks of pollution, named like the micrographs (MRC, PNG, TIFF)",
        default=None, metavar="DIR", otherwise="none", changes_result=False,
    )  # fmt: skip
    pixel_size: float | None = option(
        "Pixel size of the micrographs in Å",
        default=None, unit="Å", above=0, otherwise="from their files", changes_result=False,
    )  # fmt: skip


@option_class(kw_only=True)
class SegmentOptions(Micrographs, Device, Output):
    """What to segment and how."""

    model: str = option(
        "A model from `iceblock segment train`",
        default=DEFAULT, metavar="NAME|FILE", changes_result=False,
    )  # fmt: skip
    device: str = option(
        "Where to compute; auto takes a GPU if there is one",
        default="cpu", metavar="auto|cpu|cuda|cuda:N", changes_result=False,
    )  # fmt: skip


@option_class()
class SegmentTrainOptions(Micrographs, Threads, Output):
    """What to train on and how."""

    start: str = option(
        "Model to go on from; `none` for a new network",
        default=DEFAULT, spelled="from", metavar="NAME|FILE|none", changes_result=False,
    )  # fmt: skip
    steps: int = option("Training steps", default=300, at_least=1)
    hold_out: int = option(
        "Micrographs kept out of training, to score the result on", default=1, at_least=0
    )
    limit: int = option(
        "Micrographs at most that are read; more picks teach little more", default=100, at_least=1
    )
    seed: int = option("Decides every draw", default=0, at_least=0)
