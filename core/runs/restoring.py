"""Put the raw images of denoised particles back, and the raw micrographs of picks."""

from __future__ import annotations

from pathlib import Path

from ..errors import IceblockError
from ..images.mrc.reader import read_header
from ..images.particles import ParticleSet, read_particles
from ..images.validation import check_boxes
from ..remarks import warn
from .provenance import require_raw
from .restoring_picks import picks_restorer


def restore(denoised: Path, out: Path, overwrite: bool = False, raw: Path | None = None) -> int:
    """Write the particles of `denoised` to `out`, pointing at their raw images.

    Everything else, and the order of the rows, stays. The images themselves are not touched. They
    need not be there; those that are there are checked.

    Parameters
    ----------
    denoised
        A file that iceblock wrote, or that RELION or CryoSPARC made from one, by a selection for
        example; or picks that were made on denoised micrographs, see `picks_restorer`.
    out
        The file to make.
    overwrite
        Replace `out` where it exists.
    raw
        For .cs files, which do not name raw images: the particles that were denoised.

    Returns
    -------
    count
        Number of particles; of micrographs for files that list those.

    Raises
    ------
    IceblockError
        For a file that does not name raw images, for particles that `raw` does not have, for raw
        images that are denoised ones or do not fit the other columns, and for an `out` that exists
        or is an input.
    """
    if out.exists() and not overwrite:
        raise IceblockError(f"{out} exists already; choose another name or give --overwrite")
    of_picks = picks_restorer(denoised) if raw is None else None
    if of_picks is not None:
        return of_picks(denoised, out)
    particles = read_particles(denoised)
    if raw is None:
        restored = particles.restored()
    else:
        originals = read_particles(raw)
        originals.refuse_as_output(out)
        restored = particles.restored_from(originals)
    check_raw(particles, restored)
    restored.write(out)
    return restored.n


def check_raw(denoised: ParticleSet, raw: ParticleSet) -> None:
    """Refuse raw images that are denoised ones, or are not of the size that the rows declare.

    Parameters
    ----------
    denoised
        N particles with their denoised images.
    raw
        The same particles with what are said to be their raw images.
    """
    try:
        require_raw(denoised, raw, raw.raw_todo)
        paths = [raw.path_of(stack) for stack in raw.stacks]
    except IceblockError:
        if _are_there(raw):
            raise
        paths = []
    if not paths or not all(path.exists() for path in paths):
        warn(
            f"{denoised.source}: its raw images were not checked, because they are not there; "
            "check that they are what was denoised"
        )
        return
    try:
        check_boxes(raw, [read_header(path) for path in paths])
    except IceblockError as error:
        raise IceblockError(f"the raw images do not fit the other columns: {error}") from error


def _are_there(particles: ParticleSet) -> bool:
    try:
        return particles.root is not None
    except IceblockError:
        return False
