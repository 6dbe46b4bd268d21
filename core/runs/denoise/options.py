"""What can be asked of a denoising run, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...denoise.shipped import DEFAULT
from ...errors import IceblockError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

STACKS = "Particles"
UNUSABLE = "passed_through.txt"
OUTLIERS = "outliers.txt"


@dataclass(frozen=True)
class DenoiseOptions:
    """What to denoise and how; the same for every way in."""

    particles: Path
    out: Path
    model: str = DEFAULT
    """Name of a shipped model or a model file."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    gpu: str | None = None
    """Numbers of GPUs, with commas, in place of `device`; each gets a process of its own."""
    processes: int | None = None
    """Processes that share the stacks; by default one, or one for each GPU."""
    batch_size: int | None = None
    """Images at a time; by default what memory suggests."""
    dtype: str = "float32"
    """float32 or float16."""
    keep_noise: float = 0.0
    """Part of the raw image in the result, 0 to 1."""
    threads: int | None = None
    """CPU threads of all processes on a machine; by default all."""
    overwrite: bool = False
    """Replace another run's outputs."""
    pixel_size: float | None = None
    """Å; goes before what the particles' file says."""
    contrast: str = "auto"
    """white, black, or auto: as blob/sign says in a .cs file, else told from the images."""
    project_dir: Path | None = None
    """CryoSPARC's project folder, where the paths in a .cs file start; by default it is found."""
    datadir: Path | None = None
    """The folder where the stacks of a STAR file lie; by default where it says."""
    passthrough: Sequence[Path] = ()
    """Further .cs files whose fields are added to those of `particles`, by uid."""
    each_alone: bool = False
    """Denoise every particle by itself, without what the others of its set teach."""
    confidence: bool = False
    """Tell of each particle how far to trust it; the network then works four times as long."""
    compile: bool = False
    """Compile the network first, which may pay for very many images."""
    denoise_again: bool = False
    """Denoise images, too, that are denoised already."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    stacks: str = STACKS
    """Folder of the denoised stacks, from `out`."""
    command: str = ""
    """As given, for the record."""

    @property
    def output(self) -> Path:
        """The metadata of the denoised particles, of the same kind as the input."""
        return self.out / f"particles{self.particles.suffix.lower()}"

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        if self.dtype not in ("float32", "float16"):
            raise IceblockError(f"dtype is {self.dtype!r} and must be float32 or float16.")
        if self.contrast not in ("auto", "white", "black"):
            raise IceblockError(f"contrast is {self.contrast!r} and must be auto, white or black.")
        if self.batch_size is not None and self.batch_size < 1:
            raise IceblockError(f"batch size is {self.batch_size} and must be at least 1.")
        if self.threads is not None and self.threads < 1:
            raise IceblockError(f"threads is {self.threads} and must be at least 1.")
        if self.processes is not None and self.processes < 1:
            raise IceblockError(f"processes is {self.processes} and must be at least 1.")
        if not 0 <= self.keep_noise <= 1:
            raise IceblockError(f"keep-noise is {self.keep_noise} and must lie between 0 and 1.")
        if self.gpu is not None and self.device != "auto":
            raise IceblockError("gpu and device are both given: keep one of them.")
        self.gpus()

    def gpus(self) -> list[int]:
        """Give the numbers in `gpu`; empty where it is not given."""
        return gpu_numbers(self.gpu)


def gpu_numbers(text: str | None) -> list[int]:
    """Read numbers of GPUs, with commas (or colons, as in RELION) between them.

    Raises
    ------
    IceblockError
        If the text holds anything else, or a number twice.
    """
    if text is None:
        return []
    parts = [part.strip() for part in text.replace(":", ",").split(",")]
    if not all(part.isdecimal() for part in parts) or len(set(parts)) < len(parts):
        raise IceblockError(
            f"gpu is {text!r}: give the numbers of GPUs with commas between them, such as 0 or 0,1."
        )
    return [int(part) for part in parts]
