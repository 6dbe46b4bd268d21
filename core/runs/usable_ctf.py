"""The CTFs of the particles of a run, and what is told of rows that have none."""

from __future__ import annotations

import numpy as np

from ..errors import IceblockError
from ..images.particles import ParticleSet
from ..remarks import warn
from ..signal.ctf import CtfParameters
from ..signal.ctf_ranges import Columns, Rows, odd_rows, odd_words
from ..wording import counted


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
    said = odd_words(columns)
    wrong = odd_rows(columns)
    if said is None:
        _tell_overfocus(particles, columns, wrong)
        return CtfParameters(**columns)
    if wrong.all():
        warn(f"{particles.source}: {said}; the CTFs are not used.")
        return None
    warn(f"{particles.source}: {said}; {consequence}. Correct the rows or take them out.")
    _tell_overfocus(particles, columns, wrong)
    return CtfParameters(**{name: np.where(wrong, np.nan, v) for name, v in columns.items()})


def _tell_overfocus(particles: ParticleSet, columns: Columns, wrong: Rows) -> None:
    """Warn of a negative defocus: it can be true, but hardly ever is."""
    mean = (columns["defocus_u"] + columns["defocus_v"]) / 2
    over = np.flatnonzero((mean < 0) & ~wrong)
    if len(over):
        warn(
            f"{particles.source}: {len(over)} of {counted(particles.n, 'row')} "
            f"{'has' if len(over) == 1 else 'have'} a negative defocus (the first is row "
            f"{over[0] + 1}: {mean[over[0]]:.0f} Å), which means overfocus; it was used as it is. "
            "If your images are underfocused, as nearly all are, change its sign."
        )
