"""Values that a STAR file gives for each optics group, or, before RELION 3.1, for each particle."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ..particle_set import NO_GROUPS
from .document import StarFile
from .table import StarTable
from .tokens import unquote

_GROUP = "_rlnOpticsGroup"
_NAME = "_rlnOpticsGroupName"
_FLIPPED, _MULTIPLIED = "_rlnCtfDataArePhaseFlipped", "_rlnCtfDataAreCtfPremultiplied"
# Between these lie all sizes and magnifications; beyond them no arithmetic is possible.
_SMALLEST, _LARGEST = 1e-9, 1e9


@dataclass(frozen=True, eq=False)
class Optics:
    """Which optics group each particle belongs to, and what is said of it.

    Attributes
    ----------
    source
        The STAR file.
    particles
        Its table of particles.
    table
        Its table of optics groups; None where it has none.
    groups
        (N,) int32 for each particle the place of its group in `names`.
    names
        Names of the optics groups.
    """

    source: Path
    particles: StarTable
    table: StarTable | None
    groups: npt.NDArray[np.int32]
    names: tuple[str, ...]

    def floats(self, tag: str) -> npt.NDArray[np.float64] | None:
        """Give (N,) values of a field, from the optics table or else from the particles' own."""
        if self.table is not None and tag in self.table:
            return self.table.floats(tag)[self.groups]
        if tag in self.particles:
            return self.particles.floats(tag)
        return None

    def floats_or_nan(self, tag: str) -> npt.NDArray[np.float64] | None:
        """Give what `floats` does, NaN where the file has no number."""
        if self.table is not None and tag in self.table:
            return self.table.floats_or_nan(tag)[self.groups]
        if tag in self.particles:
            return self.particles.floats_or_nan(tag)
        return None

    def positive(self, tag: str) -> npt.NDArray[np.float64] | None:
        """Give (N,) values as `floats` does; a value that is not above 0 raises IceblockError."""
        values = self.floats(tag)
        if values is None:
            return None
        wrong = ~((values > _SMALLEST) & (values < _LARGEST))
        if wrong.any():
            row = int(np.flatnonzero(wrong)[0])
            raise IceblockError(
                f"{self.source}: {tag[1:]} of row {row + 1} of {self.particles.name} is "
                f"{values[row]:g} and must be above 0; correct it there or in the optics table"
            )
        return values

    def pixel_sizes(self) -> npt.NDArray[np.float64] | None:
        """Give (N,) pixel sizes in Å; None where the file has none.

        rlnImagePixelSize is used, or rlnDetectorPixelSize (µm) over rlnMagnification as files
        before RELION 3.1 have it, or rlnPixelSize.
        """
        sizes = self.positive("_rlnImagePixelSize")
        if sizes is not None:
            return sizes
        detector = self.floats("_rlnDetectorPixelSize")
        if detector is not None and self.floats("_rlnMagnification") is not None:
            # Both at 0 is how some programs leave them unset.
            magnification = self.positive("_rlnMagnification")
            detector = self.positive("_rlnDetectorPixelSize")
            if detector is not None and magnification is not None:
                return detector * 1e4 / magnification
        return self.positive("_rlnPixelSize")

    def boxes(self) -> npt.NDArray[np.int64]:
        """Give (N,) box sizes in pixels as declared; 0 where none is."""
        if self.table is None or "_rlnImageSize" not in self.table:
            return np.zeros(len(self.groups), dtype=np.int64)
        return self.table.integers("_rlnImageSize")[self.groups]

    def ctf_applied(self) -> bool:
        """Tell whether images were phase-flipped or multiplied by their CTF."""
        found = [self.floats(tag) for tag in (_FLIPPED, _MULTIPLIED)]
        return any(values is not None and bool(values.any()) for values in found)

    def phase_flipped(self) -> bool:
        """Tell whether all images were phase-flipped, and none was multiplied by its CTF."""
        flipped, multiplied = self.floats(_FLIPPED), self.floats(_MULTIPLIED)
        if flipped is None or not bool(flipped.all()):
            return False
        return multiplied is None or not bool(multiplied.any())

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function; see `ParticleSet.ctf`."""
        defocus = self.floats_or_nan("_rlnDefocusU")
        if defocus is None:
            return None
        none = np.zeros(len(self.groups))
        return {
            "defocus_u": defocus,
            "defocus_v": self._floats_or("_rlnDefocusV", defocus),
            "defocus_angle": self._floats_or("_rlnDefocusAngle", none),
            "phase_shift": self._floats_or("_rlnPhaseShift", none),
            "voltage": self._floats_or("_rlnVoltage"),
            "spherical_aberration": self._floats_or("_rlnSphericalAberration"),
            "amplitude_contrast": self._floats_or("_rlnAmplitudeContrast"),
        }

    def _floats_or(
        self, tag: str, default: npt.NDArray[np.float64] | None = None
    ) -> npt.NDArray[np.float64]:
        values = self.floats_or_nan(tag)
        if values is None:
            values = default
        if values is None:
            raise IceblockError(
                f"{self.source} gives a defocus and no {tag[1:]}; add it to the optics table"
            )
        return values


def read_optics(star: StarFile, particles: StarTable) -> Optics:
    """Find the optics table and the group of each particle.

    Raises
    ------
    IceblockError
        For a particle whose group is not in the optics table.
    """
    table = star.find(_GROUP, block="optics")
    if table is None:
        everyone = np.zeros(len(particles), dtype=np.int32)
        return Optics(star.path, particles, None, everyone, NO_GROUPS)
    numbers = table.integers(_GROUP)
    if not len(numbers):
        raise IceblockError(f"{star.path}: {table.name} is empty; list the optics groups there")
    if len(np.unique(numbers)) != len(numbers):
        raise IceblockError(
            f"{star.path}: {table.name} gives one rlnOpticsGroup twice; give each group its number"
        )
    names = table.column(_NAME if _NAME in table else _GROUP)
    groups = _places(star, table, particles, numbers)
    return Optics(star.path, particles, table, groups, tuple(unquote(name) for name in names))


def _places(
    star: StarFile, table: StarTable, particles: StarTable, numbers: npt.NDArray[np.int64]
) -> npt.NDArray[np.int32]:
    """Give for each particle the row of its group in the optics table."""
    if _GROUP not in particles:
        if len(numbers) == 1:
            return np.zeros(len(particles), dtype=np.int32)
        raise IceblockError(
            f"{star.path}: {particles.name} has no rlnOpticsGroup, and {table.name} lists "
            f"{len(numbers)} groups; add the column"
        )
    wanted = particles.integers(_GROUP)
    order = np.argsort(numbers)
    places = order[np.searchsorted(numbers[order], wanted).clip(max=len(numbers) - 1)]
    unknown = numbers[places] != wanted
    if unknown.any():
        row = int(np.flatnonzero(unknown)[0])
        raise IceblockError(
            f"{star.path}: row {row + 1} of {particles.name} has rlnOpticsGroup {wanted[row]}, "
            f"which {table.name} does not list; add the group there"
        )
    return np.asarray(places, dtype=np.int32)
