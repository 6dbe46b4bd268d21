"""Put the raw images of a denoised set of particles back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import IceblockError
from ..images.particles import read_particles

if TYPE_CHECKING:
    from pathlib import Path


def restore(denoised: Path, out: Path, overwrite: bool = False) -> int:
    """Write the particles of `denoised` to `out`, pointing at their raw images.

    Every other token, and the order of the rows, stays. The images themselves are not touched and
    need not be there.

    Parameters
    ----------
    denoised
        A file that iceblock wrote, or that RELION made from one, by a selection for example.
    out
        The file to make.
    overwrite
        Replace `out` where it exists.

    Returns
    -------
    count
        Number of particles.

    Raises
    ------
    IceblockError
        For a file that does not name raw images, and for an `out` that exists or is the input.
    """
    if out.exists() and not overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    particles = read_particles(denoised).restored()
    particles.write(out)
    return particles.n
