"""What can be asked of an evaluation, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path

from ..common_options import Device, Output, ParticleFiles
from ..option import COMMAND, option
from ..options import option_class

VERDICTS = "evaluate.json"
PAGE = "report.html"


@option_class()
class EvaluateOptions(ParticleFiles, Device, Output):
    """Which denoised particles to judge, and by what."""

    denoised: Path = option(
        "The STAR or .cs file of the denoised particles", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    raw: Path | None = option(
        "STAR or .cs file of the particles that were denoised",
        default=None, otherwise="as the denoised ones or the run.json beside them say",
        changes_result=False,
    )  # fmt: skip
    clean: Path | None = option(
        "STAR or .cs file of the true images, row by row, where particles were simulated",
        default=None, otherwise="none", changes_result=False,
    )  # fmt: skip
    model: str | None = option(
        "The model that denoised them",
        default=None, metavar="NAME|FILE", otherwise="as the run.json beside them says",
        changes_result=False,
    )  # fmt: skip
    noise: Path | None = option(
        "Noise bank that the model was trained on, its folder or blocks.star",
        default=None, metavar="BANK", otherwise="what the model's card says of it",
        changes_result=False,
    )  # fmt: skip
    volumes: tuple[Path, ...] = option(
        "Map or atomic model that the denoiser may know and must not paint into noise; may be "
        "given again",
        default=(), spelled="volume", otherwise="phantoms", changes_result=False,
    )  # fmt: skip
    sample: int = option("Particles at most to look at", default=200, at_least=8)
    gate: bool = option(
        "Leave out the trial of network and result for hallucination, which takes a minute or two",
        default=True,
    )  # fmt: skip

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        self.one_device()
