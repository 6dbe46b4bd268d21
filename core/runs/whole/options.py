"""What can be asked of a whole run, from micrographs to denoised particles, and its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...denoise.shipped import DEFAULT
from ...errors import IceblockError
from ...segment.model_file import DEFAULT as SEGMENTATION
from ..labelled import check_diameter
from ..noise.options import SMALLEST_BOX

if TYPE_CHECKING:
    from pathlib import Path

NOISE, MODEL, DENOISED, TRUST = "Noise", "Model", "Denoised", "Trust"
"""Folders of the stages inside the output folder, in their order."""
TIME_LIMIT = 900.0
"""Seconds of fine-tuning, where neither a time nor steps are asked for."""


@dataclass(frozen=True)
class WholeOptions:
    """What to denoise, and what there is to learn from; the same for every way in."""

    particles: Path
    out: Path
    micrographs: tuple[Path, ...] = ()
    """A micrographs STAR file, a folder, or image files; without any no model is trained."""
    picks: Path | None = None
    """By default the coordinates of the particles, where they have any."""
    volumes: tuple[Path, ...] = ()
    """Maps and atomic models to fine-tune on; without any the model is used as it is."""
    model: str = DEFAULT
    """Name of a shipped model or a model file: what is fine-tuned, and compared with."""
    segmentation: str = SEGMENTATION
    """Segmentation model: the name of one that ships, or a file."""
    particle_diameter: float | None = None
    """Å; by default that of the volumes, else a part of the particles' box."""
    noise_box: int | None = None
    """Side of the noise blocks in pixels of the micrographs; by default that of the particles, or
    half and a quarter of it where ice has no room for such blocks."""
    time_limit: float | None = None
    """Seconds of fine-tuning."""
    steps: int | None = None
    """Of fine-tuning; without a time limit nothing else ends it."""
    seed: int = 0
    pixel_size: float | None = None
    """Å, of the particles; goes before what their file says."""
    micrograph_pixel_size: float | None = None
    """Å; likewise."""
    project_dir: Path | None = None
    """CryoSPARC's project folder, where the paths in a .cs file start; by default it is found."""
    datadir: Path | None = None
    """The folder where the stacks of a STAR file lie; by default where it says."""
    contrast: str = "auto"
    """white, black or auto."""
    dtype: str = "float32"
    """float32 or float16."""
    keep_noise: float = 0.0
    """Part of the raw image in the result, 0 to 1."""
    each_alone: bool = False
    """Denoise every particle by itself; see `DenoiseOptions`."""
    confidence: bool = False
    """Measure each particle's confidence; see `DenoiseOptions`."""
    gate: bool = True
    """Try the model for hallucination, too."""
    batch_size: int | None = None
    """Images denoised at a time; by default what memory suggests."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    gpu: str | None = None
    """Numbers of GPUs, with commas; goes before `device`."""
    threads: int | None = None
    """CPU threads; by default all."""
    overwrite: bool = False
    """Replace those stages of another run whose inputs or settings differ."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    command: str = ""
    """As given, for the record."""

    @property
    def seconds(self) -> float | None:
        """Time limit of fine-tuning in seconds; None where steps alone end it."""
        if self.time_limit is None and self.steps is None:
            return TIME_LIMIT
        return self.time_limit

    def check(self) -> None:
        """Raise IceblockError for a value outside its range that no stage would name first."""
        if self.particle_diameter is not None:
            check_diameter(self.particle_diameter)
        for name, value, low in (
            ("noise box", self.noise_box, SMALLEST_BOX),
            ("number of steps", self.steps, 1),
            ("number of threads", self.threads, 1),
            ("batch size", self.batch_size, 1),
            ("seed", self.seed, 0),
        ):
            if value is not None and value < low:
                raise IceblockError(f"The {name} is {value} and must be at least {low}.")
        if not 0 <= self.keep_noise <= 1:
            raise IceblockError(f"keep-noise is {self.keep_noise:g} and must be 0 to 1.")
        if self.picks is not None and not self.micrographs:
            raise IceblockError(
                f"{self.picks} tells where particles are in micrographs, and no micrographs are "
                "given: name them too, or leave the picks out."
            )
