"""What can be asked of a run that simulates particles."""

from __future__ import annotations

from pathlib import Path

from ...errors import IceblockError
from ..option import option
from ..options import Options, option_class


@option_class(kw_only=True)
class SimulateOptions(Options):
    """What to simulate."""

    out: Path = option("Output folder; new or empty", metavar="DIR")
    volumes: tuple[Path, ...] = option(
        "Map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed",
        default=(), spelled="volume",
    )  # fmt: skip
    phantoms: int = option(
        "Random protein-like phantoms to add",
        default=0, at_least=0, otherwise="4 where no volume is given",
    )  # fmt: skip
    noise: tuple[Path, ...] = option(
        "Noise bank (its folder or blocks.star), or a stack of noise blocks at this pixel size; "
        "several are mixed",
        default=(), metavar="BANK|BLOCKS.mrcs", otherwise="an ice-like spectrum",
    )  # fmt: skip
    number: int = option("Particles", default=1000, short="n", at_least=1)
    box: int = option("Even box", default=128, at_least=32, unit="pixels")
    pixel_size: float = option("Pixel size in Å", default=2.7, above=0, unit="Å")
    snr: tuple[float, float] = option(
        "Signal over noise variance inside the particle, drawn log-uniformly",
        default=(0.05, 0.5), above=0, metavar="LOW HIGH",
    )  # fmt: skip
    defocus: tuple[float, float] = option(
        "Range of the defocus in Å", default=(5000.0, 35000.0), metavar="LOW HIGH", unit="Å"
    )
    ctf: bool = option("Leave the CTF out", default=True)
    neighbours: float = option(
        "Mean number of neighbours that crowd a box", default=0.0, at_least=0, metavar="MEAN"
    )
    seed: int = option("The same seed gives the same files", default=0, at_least=0)
    command: str = ""
    """As given, for the record."""

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        if self.box % 2:
            raise IceblockError(f"--box is {self.box} pixels and must be even.")
