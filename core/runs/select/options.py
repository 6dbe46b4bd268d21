"""What can be asked of a selection, and the names of its outputs."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from ...errors import IceblockError
from ..common_options import Output, Passthrough, Threads
from ..option import COMMAND, RELION, option
from ..options import Options, option_class

COUNTS = "counts.star"
PICTURE = "selection.png"
GALLERY, TILES = "gallery.html", "gallery_files"


@option_class(kw_only=True)
class Choosing(Options):
    """By what particles are chosen; one way at a time."""

    group: ClassVar[str] = "Choice"

    auto: bool = option(
        "Keep what lies above the border between two populations of scores, and all particles "
        "without contamination where there is one population; this is the default",
        default=False, changes_result=False,
    )  # fmt: skip
    min_score: float | None = option(
        "Keep particles with this score or a higher one", default=None, at_least=0, at_most=1,
        metavar="X",
    )  # fmt: skip
    keep: str | None = option(
        "Keep this part of the particles, the best ones, such as 80%", default=None, metavar="PART"
    )
    classes: str | None = option(
        "Keep these 2D classes, such as 1,4,7-9, as the particles' file numbers them",
        default=None, metavar="K[,K…]",
    )  # fmt: skip
    marks: Path | None = option(
        "Keep what was marked by hand, in the STAR file that the gallery exports",
        default=None, metavar="FILE", changes_result=False,
    )  # fmt: skip

    def part(self) -> float:
        """Give the part of the particles that `keep` names, 0 to 1."""
        text = (self.keep or "").strip()
        try:
            value = float(text.rstrip("%")) / (100 if text.endswith("%") else 1)
        except ValueError:
            value = -1.0
        if not 0 < value <= 1:
            raise IceblockError(f"keep is {self.keep} and must be a part such as 80% or 0.8.")
        return value

    def class_numbers(self) -> list[int]:
        """Give the numbers that `classes` names."""
        numbers: list[int] = []
        for word in (self.classes or "").replace(",", " ").split():
            first, _, last = word.partition("-")
            try:
                numbers += range(int(first), int(last or first) + 1)
            except ValueError:
                numbers = []
                break
        if not numbers:
            raise IceblockError(
                f"classes is {self.classes!r} and must name classes, such as 1,4,7-9."
            )
        return numbers

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        given = {
            "--min-score": self.min_score is not None, "--keep": self.keep is not None,
            "--classes": self.classes is not None, "--marks": self.marks is not None,
            "--auto": self.auto,
        }  # fmt: skip
        several = [name for name, there in given.items() if there]
        if len(several) > 1:
            raise IceblockError(
                f"{' and '.join(several)} choose particles in different ways; give one of them"
            )
        if self.keep is not None:
            self.part()
        if self.classes is not None:
            self.class_numbers()


@option_class()
class SelectOptions(Choosing, Passthrough, Threads, Output):
    """Which particles to keep, and by what; the same for every way in."""

    particles: Path = option(
        "RELION STAR file or CryoSPARC .cs file", argument=True, changes_result=False
    )
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    html: bool = option(
        "Make gallery.html, all particles for a web browser", default=False, faces=(COMMAND, RELION)
    )
    particle_diameter: float | None = option(
        "Diameter of the circle in which particles are looked at",
        default=None, at_least=10, at_most=10_000, unit="Å",
        otherwise="three quarters of the box",
    )  # fmt: skip
    raw: Path | None = option(
        "For denoised particles in a .cs file: the particles that were denoised",
        default=None, metavar="RAW.cs", faces=(COMMAND,), changes_result=False,
    )  # fmt: skip
    seed: int = option("Seed of the two halves and the class averages", default=0, at_least=0)

    @property
    def output(self) -> Path:
        """The metadata of the particles that are kept, of the same kind as the input."""
        return self.out / f"particles{self.particles.suffix.lower()}"

    @property
    def rejected(self) -> Path:
        """The metadata of all other particles."""
        return self.out / f"rejected{self.particles.suffix.lower()}"

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names inside `out` of all that is made."""
        return (
            self.output.name, self.rejected.name, COUNTS, PICTURE, self.report, GALLERY, TILES,
        )  # fmt: skip
