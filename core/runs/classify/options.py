"""What can be asked of a classification, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...errors import IceblockError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CLASSES = "classes.mrcs"
MONTAGE = "classes.png"
STEM = "run"
"""First part of the names of the files that RELION's own jobs read."""
MOST_CLASSES = 200


@dataclass(frozen=True)
class ClassifyOptions:
    """Which particles to classify, and how; the same for every way in."""

    particles: Path
    out: Path
    classes: int | None = None
    """Class averages, beside a class of empty images; by default what the particles allow."""
    particle_diameter: float | None = None
    """Å, of the circular mask; by default three quarters of the box."""
    iterations: int = 25
    """Passes over the images."""
    seed: int = 0
    """Of the first class averages."""
    contrast: str = "auto"
    """white, black, or auto: as blob/sign says in a .cs file, else told from the images."""
    pixel_size: float | None = None
    """Å; goes before what the particles' file says."""
    threads: int | None = None
    """CPU threads; by default all."""
    project_dir: Path | None = None
    """CryoSPARC's project folder, where the paths in a .cs file start; by default it is found."""
    datadir: Path | None = None
    """The folder where the stacks of a STAR file lie; by default where it says."""
    passthrough: Sequence[Path] = ()
    """Further .cs files whose fields are added to those of `particles`, by uid."""
    overwrite: bool = False
    """Replace another run's outputs."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    command: str = ""
    """As given, for the record."""

    @property
    def output(self) -> Path:
        """The metadata of the particles with their classes, of the same kind as the input."""
        return self.out / f"particles{self.particles.suffix.lower()}"

    def relion_files(self) -> tuple[str, str, str]:
        """Name the files by which RELION opens the classes: data, model, optimiser."""
        stem = f"{STEM}_it{self.iterations:03d}"
        return f"{stem}_data.star", f"{stem}_model.star", f"{stem}_optimiser.star"

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        if self.classes is not None and not 1 <= self.classes <= MOST_CLASSES:
            raise IceblockError(
                f"classes is {self.classes} and must lie between 1 and {MOST_CLASSES}."
            )
        if self.particle_diameter is not None and not 10 <= self.particle_diameter <= 10_000:
            raise IceblockError(
                f"the particle diameter is {self.particle_diameter:g} Å; give that of your "
                "particle, 10 to 10000 Å."
            )
        if not 1 <= self.iterations <= 500:
            raise IceblockError(f"iterations is {self.iterations} and must lie between 1 and 500.")
        if self.contrast not in ("auto", "white", "black"):
            raise IceblockError(f"contrast is {self.contrast!r} and must be auto, white or black.")
        if self.threads is not None and self.threads < 1:
            raise IceblockError(f"threads is {self.threads} and must be at least 1.")


def sensible_classes(particles: int) -> int:
    """Give a number of classes that a number of particles can fill: about 100 in each."""
    return max(1, min(50, round(particles / 100)))
