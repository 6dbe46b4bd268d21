"""What can be asked of an evaluation, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import IceblockError

if TYPE_CHECKING:
    from pathlib import Path

VERDICTS = "evaluate.json"
PAGE = "report.html"


@dataclass(frozen=True)
class EvaluateOptions:
    """Which denoised particles to judge, and by what."""

    denoised: Path
    """Their metadata, .star or .cs."""
    out: Path
    raw: Path | None = None
    """Metadata of the raw particles; by default as the denoised ones name them, or as the record
    of the denoising run does."""
    clean: Path | None = None
    """Metadata of the true images, row by row those of `denoised`: simulated particles have it."""
    model: str | None = None
    """Shipped model or model file; by default that of the denoising run."""
    noise: Path | None = None
    """Noise bank to compare with; by default what the model's card says of the noise of training,
    or the card's bank, where it is there."""
    volumes: tuple[Path, ...] = ()
    """Maps or atomic models that the gate takes for known; by default phantoms."""
    sample: int = 200
    """Particles at most to look at."""
    gate: bool = True
    """Try the model for hallucination, too."""
    contrast: str = "auto"
    """white, black, or auto: as the denoising run found it, or else as the images look."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    threads: int | None = None
    """CPU threads; by default all."""
    pixel_size: float | None = None
    """Å; goes before what the particles' file says."""
    project_dir: Path | None = None
    """CryoSPARC's project folder, where the paths in a .cs file start; by default it is found."""
    datadir: Path | None = None
    """The folder where the raw stacks of a STAR file lie; by default where it says."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    overwrite: bool = False
    """Replace another run's outputs."""
    command: str = ""
    """As given, for the record."""

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        if self.contrast not in ("auto", "white", "black"):
            raise IceblockError(f"contrast is {self.contrast!r} and must be auto, white or black.")
        if self.sample < 8:
            raise IceblockError(f"sample is {self.sample} and must be at least 8.")
        if self.threads is not None and self.threads < 1:
            raise IceblockError(f"threads is {self.threads} and must be at least 1.")
