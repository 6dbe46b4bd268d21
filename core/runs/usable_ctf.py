"""The CTFs of the particles of a run, and what is told of rows that have none."""

from __future__ import annotations

import numpy as np

from ..counting import counted
from ..errors import IceblockError
from ..images.particles import ParticleSet
from ..remarks import warn
from ..signal.ctf import CtfParameters
from ..signal.ctf_ranges import first_odd, odd


def usable_ctf(
    particles: ParticleSet, consequence: str, flipped: bool = False
) -> CtfParameters | None:
    """Take the CTFs of a set, and warn of the rows that cannot be true.

    Parameters
    ----------
    particles
        The set.
    consequence
        For the warning: what becomes of particles whose row cannot be true.
    flipped
        Give those of phase-flipped images, too, whose true CTFs are the absolute values.

    Returns
    -------
    parameters
        Of the images as they are, NaN in rows that cannot be true; None where no image has one:
        nothing else needs them.
    """
    if particles.ctf_applied and not (flipped and particles.phase_flipped):
        return None
    try:
        columns = particles.ctf()
    except IceblockError as error:
        warn(f"The CTFs of the particles are not used: {error}.")
        return None
    if columns is None:
        return None
    place = first_odd(columns)
    if place is None:
        return CtfParameters(**columns)
    row, name = place
    wrong = np.logical_or.reduce([odd(name, values) for name, values in columns.items()])
    count = int(wrong.sum())
    said = (
        f"{particles.source}: {count} of {counted(particles.n, 'row')} "
        f"{'has' if count == 1 else 'have'} no CTF that can be true (the first is row {row + 1}: "
        f"{name.replace('_', ' ')} {columns[name][row]:g})"
    )
    if wrong.all():
        warn(f"{said}; the CTFs are not used.")
        return None
    warn(f"{said}; {consequence}. Correct the rows or take them out.")
    return CtfParameters(**{name: np.where(wrong, np.nan, v) for name, v in columns.items()})
