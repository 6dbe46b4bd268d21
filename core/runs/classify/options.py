"""What can be asked of a classification, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path

from ..common_options import Output, Passthrough, Threads
from ..option import COMMAND, option
from ..options import option_class

CLASSES = "classes.mrcs"
MONTAGE = "classes.png"
STEM = "run"
"""First part of the names of the files that RELION's own jobs read."""
MOST_CLASSES = 200


@option_class()
class ClassifyOptions(Passthrough, Threads, Output):
    """Which particles to classify, and how; the same for every way in."""

    particles: Path = option(
        "RELION STAR file or CryoSPARC .cs file", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    classes: int | None = option(
        "Class averages, beside a class of empty images",
        default=None, at_least=1, at_most=MOST_CLASSES, metavar="K",
        otherwise="one for 100 images, up to 50",
    )  # fmt: skip
    particle_diameter: float | None = option(
        "Diameter of the circular mask",
        default=None, at_least=10, at_most=10_000, unit="Å",
        otherwise="three quarters of the box",
    )  # fmt: skip
    iterations: int = option("Passes over the images", default=25, at_least=1, at_most=500)
    seed: int = option("Seed of the first class averages", default=0, at_least=0)

    @property
    def output(self) -> Path:
        """The metadata of the particles with their classes, of the same kind as the input."""
        return self.out / f"particles{self.particles.suffix.lower()}"

    def relion_files(self) -> tuple[str, str, str]:
        """Name the files by which RELION opens the classes: data, model, optimiser."""
        stem = f"{STEM}_it{self.iterations:03d}"
        return f"{stem}_data.star", f"{stem}_model.star", f"{stem}_optimiser.star"


def sensible_classes(particles: int) -> int:
    """Give a number of classes that a number of particles can fill: about 100 in each."""
    return max(1, min(50, round(particles / 100)))
