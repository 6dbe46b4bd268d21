"""Read sets of particles, of any format that is listed here."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ..errors import IceblockError
from .cs.particles import CsParticles
from .particle_set import ParticleSet
from .star.particles import StarParticles

__all__ = ["FORMATS", "ParticleSet", "format_of", "read_particles"]

FORMATS: list[type[ParticleSet]] = [StarParticles, CsParticles]
"""A new format is one more class here."""


def format_of(path: Path) -> type[ParticleSet]:
    """Give the class for a metadata file, by the ending of its name; others are refused."""
    for kind in FORMATS:
        if path.suffix.lower() in kind.endings:
            return kind
    known = f"files that end in {path.suffix}" if path.suffix else "files without an ending"
    raise IceblockError(
        f"{path} is no table of particles that can be read here ({known} are not known); name "
        "a RELION .star file or a CryoSPARC .cs file"
    )


def read_particles(
    path: Path,
    pixel_size: float | None = None,
    project_dir: Path | None = None,
    passthrough: Sequence[Path] = (),
    datadir: Path | None = None,
) -> ParticleSet:
    """Read a set of particles; the images are not looked for until they are asked for.

    Parameters
    ----------
    path
        A STAR file of RELION 3.0 or later, or a .cs file of CryoSPARC.
    pixel_size
        Å; it goes before what the file and the images say.
    project_dir
        CryoSPARC's project folder, where paths in a .cs file start; by default it is found.
    passthrough
        Further .cs files whose fields are added, by uid.
    datadir
        For a STAR file, the folder where its stacks lie if not where it says.

    Raises
    ------
    IceblockError
        For a file that is missing, not a table of particles, or wrong in some row.
    """
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise IceblockError(f"the pixel size {pixel_size:g} is not above 0; give it in Å")
    return format_of(path).read(path, pixel_size, project_dir, passthrough, datadir)
