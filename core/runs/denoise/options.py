"""What can be asked of a denoising run, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ...denoise.shipped import DEFAULT, WITHOUT_CTF
from ...errors import IceblockError
from ..common_options import Compiling, Output, Passthrough
from ..option import COMMAND, option
from ..options import Options, option_class

STACKS = "Particles"
UNUSABLE = "passed_through.txt"
OUTLIERS = "outliers.txt"
ALONE = (
    "--each-alone denoises every particle without a reference: leave it out, or leave --volume and "
    "--classes out."
)


@option_class(kw_only=True)
class Denoising(Options):
    """How to denoise; a whole run has these, too."""

    group: ClassVar[str] = "Denoising"

    dtype: str = option(
        "Type of the denoised images; float16 takes half the disk, and RELION reads it from 4.0 on",
        default="float32", choices=("float32", "float16"),
    )  # fmt: skip
    keep_noise: float = option(
        "Part of the raw image to keep", default=0.0, at_least=0, at_most=1, metavar="PART"
    )
    each_alone: bool = option(
        "Denoise every particle by itself, without what the others of its set teach", default=False
    )
    learn_minutes: float | None = option(
        "Minutes after which the structure of the set, or the classes of a small set, are given up "
        "if they are not learned by then; the weights take a minute or two more",
        default=None, above=0, unit="min", otherwise="no limit", changes_result=False,
    )  # fmt: skip
    confidence: bool = option(
        "Add a confidence for each particle, 0 to 1 (rlnIceblockConfidence; iceblock/confidence or "
        "confidence/ncc_score for CryoSPARC); takes four times as long if no set is learned",
        default=False,
    )  # fmt: skip
    batch_size: int | None = option(
        "Images denoised at a time",
        default=None,
        at_least=1,
        otherwise="as many as suit the device",
    )
    processes: int | None = option(
        "Processes that share the stacks",
        default=None, at_least=1, otherwise="one, or one for each GPU", changes_result=False,
    )  # fmt: skip


@option_class()
class DenoiseOptions(Denoising, Passthrough, Compiling, Output):
    """What to denoise and how; the same for every way in."""

    particles: Path = option(
        "RELION STAR file or CryoSPARC .cs file", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    model: str = option(
        "A shipped model (see `iceblock models`) or a model file",
        default=DEFAULT, metavar="NAME|FILE", changes_result=False,
        otherwise=f"{DEFAULT}, or {WITHOUT_CTF} where particles have no CTF",
    )  # fmt: skip
    denoise_again: bool = option(
        "Accept images that iceblock has denoised already; else they are refused",
        default=False, changes_result=False,
    )  # fmt: skip
    first: int | None = option(
        "Denoise only the first N particles, for a quick look",
        default=None, at_least=1, metavar="N", otherwise="all",
    )  # fmt: skip
    every: int | None = option(
        "Denoise only every K-th particle, for a quick look",
        default=None, at_least=1, metavar="K", otherwise="all",
    )  # fmt: skip
    volumes: tuple[Path, ...] = option(
        "Reference volume of these particles: a map (.mrc, .map) or atomic model (.pdb, .cif), "
        "also .gz; may be given again",
        default=(), spelled="volume", otherwise="none", changes_result=False,
    )  # fmt: skip
    classes: Path | None = option(
        "Class averages of these particles: a stack (.mrcs), RELION's _model.star or CryoSPARC's "
        "templates (.cs)",
        default=None, otherwise="none", changes_result=False,
    )  # fmt: skip
    stacks: str = STACKS
    """Folder of the denoised stacks, from `out`."""

    def check(self) -> None:
        """Raise IceblockError for values that do not go together."""
        super().check()
        if self.each_alone and (self.volumes or self.classes):
            raise IceblockError(ALONE)

    @property
    def output(self) -> Path:
        """The metadata of the denoised particles, of the same kind as the input."""
        return self.out / f"particles{self.particles.suffix.lower()}"

    def chosen(self, count: int) -> slice | None:
        """Give the rows out of `count` that are wanted; None for all."""
        step = self.every or 1
        end = min(count, (self.first or count) * step)
        return None if (step, end) == (1, count) else slice(0, end, step)


@option_class()
class DenoiseCommand(DenoiseOptions):
    """The options of the command, which can also say what it would do."""

    dry_run: bool = option(
        "Say how long the run would take and how much disk it would need; nothing is written",
        default=False, faces=(COMMAND,), changes_result=False,
    )  # fmt: skip
