"""What a simulated RELION project holds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..signal.ctf import CtfParameters

VOLTAGE, SPHERICAL_ABERRATION, AMPLITUDE_CONTRAST = 300.0, 2.7, 0.1
"""kV, mm, fraction: one microscope took all micrographs."""


@dataclass(frozen=True)
class ProjectSettings:
    """What the project holds."""

    micrographs: int = 4
    side: int = 768
    """Side of a micrograph, pixels."""
    pixel_size: float = 4.0
    """Å."""
    box: int = 64
    """Box of the particles, pixels."""
    tried: int = 60
    """Places tried for particles in a micrograph; crowding leaves fewer."""
    snr: float = 0.3
    """Signal variance inside the particle's disc over noise variance."""
    diameter: tuple[float, float] = (150.0, 160.0)
    """Å: the range that the particle's is drawn from."""
    defocus: tuple[float, float] = (12000.0, 25000.0)
    """Å."""
    seed: int = 5


@dataclass(frozen=True)
class SimulatedMicrograph:
    """One micrograph of the project, numbered from 1."""

    number: int
    ctf: CtfParameters
    """One."""
    places: npt.NDArray[np.int64]
    """(n, 2) y, x of the particles' centres, pixels."""

    @property
    def name(self) -> str:
        """Path of the image, as RELION would have it."""
        return f"MotionCorr/job002/Micrographs/mic{self.number:03d}.mrc"

    @property
    def stack(self) -> str:
        """Path of the extracted particles."""
        return f"Extract/job007/Micrographs/mic{self.number:03d}.mrcs"
