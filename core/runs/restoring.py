"""Put the raw images of a denoised set of particles back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import IceblockError
from ..images.cs_particles import CsParticles
from ..images.particles import read_particles

if TYPE_CHECKING:
    from pathlib import Path


def restore(denoised: Path, out: Path, overwrite: bool = False, raw: Path | None = None) -> int:
    """Write the particles of `denoised` to `out`, pointing at their raw images.

    Everything else, and the order of the rows, stays. The images themselves are not touched and
    need not be there.

    Parameters
    ----------
    denoised
        A file that iceblock wrote, or that RELION or CryoSPARC made from one, by a selection for
        example.
    out
        The file to make.
    overwrite
        Replace `out` where it exists.
    raw
        For .cs files, which do not name raw images: the particles that were denoised.

    Returns
    -------
    count
        Number of particles.

    Raises
    ------
    IceblockError
        For a file that does not name raw images, for particles that `raw` does not have, and for an
        `out` that exists or is an input.
    """
    if out.exists() and not overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    particles = read_particles(denoised)
    if raw is None:
        restored = particles.restored()
    else:
        originals = read_particles(raw)
        if not (isinstance(particles, CsParticles) and isinstance(originals, CsParticles)):
            raise IceblockError(
                f"{denoised} with --raw {raw}: --raw is for two .cs files, because STAR files name "
                "their raw images themselves; leave it out"
            )
        originals.refuse_as_output(out)
        restored = particles.restored_from(originals)
    restored.write(out)
    return restored.n
