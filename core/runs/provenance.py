"""Whether images are denoised already, by all that tells it.

A label in the header of a stack, a column of the STAR file, and the record of the run that made a
stack: each can be lost on the way, so all are asked.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.denoised_mark import is_denoised
from ..images.particles import ParticleSet
from .denoise.options import STACKS
from .denoise.record import DenoiseRecord
from .record import read_record

_CRYOSPARC_RUN = "iceblock"
"""Folder of the run in a CryoSPARC job's; the stacks lie beside it."""


def denoising_record(folder: Path) -> DenoiseRecord | None:
    """Give the record of the denoising run in a folder; None where there is none."""
    try:
        record = read_record(folder, DenoiseRecord)
    except IceblockError:  # some other program's run.json
        return None
    if record is None:
        return None
    known = record.denoised_stacks is not None or "keep_noise" in record.identity
    return record if known else None


def denoised_rows(particles: ParticleSet) -> npt.NDArray[np.bool_]:
    """Tell which particles have denoised images; image files that are not there tell nothing.

    Returns
    -------
    denoised
        (N,).
    """
    made: dict[str, bool] = {}  # by folder: a set has many stacks in few
    flags = np.zeros(len(particles.stacks), dtype=np.bool_)
    for place, stack in enumerate(particles.stacks):
        try:
            path = particles.path_of(stack)
        except IceblockError:  # none of its files is there
            break
        folder = os.path.dirname(os.path.realpath(path))  # noqa: PTH120
        if folder not in made:
            made[folder] = _made_by_run(folder)
        flags[place] = path.exists() and (made[folder] or is_denoised(path))
    return flags[particles.stack_ids] | particles.denoised


def refuse_denoised(particles: ParticleSet, todo: str) -> None:
    """Raise IceblockError for particles whose images are denoised, where raw ones are needed.

    Parameters
    ----------
    particles
        Any set.
    todo
        What the user is told to do.
    """
    rows = np.flatnonzero(denoised_rows(particles))
    if len(rows):
        raise IceblockError(
            f"{particles.source}: row {rows[0] + 1} names {particles.names[rows[0]]}, and that "
            f"image is not raw: iceblock has denoised it; {todo}"
        )


def require_raw(denoised: ParticleSet, raw: ParticleSet, todo: str) -> None:
    """Refuse denoised images in the place of the raw ones of a denoised set.

    Parameters
    ----------
    denoised
        N particles with their denoised images.
    raw
        The same particles with what are said to be their raw images.
    todo
        What the user is told to do.

    Raises
    ------
    IceblockError
        For a raw image that is known to be denoised, and for one that lies in the same file as the
        denoised one, under whatever name.
    """
    refuse_denoised(raw, todo)
    try:
        after = [os.path.realpath(denoised.path_of(stack)) for stack in denoised.stacks]
        before = [os.path.realpath(raw.path_of(stack)) for stack in raw.stacks]
    except IceblockError:  # denoised stacks may be gone
        return
    pairs = np.unique(np.stack([denoised.stack_ids, raw.stack_ids]), axis=1).T
    for one, other in pairs.tolist():
        if after[one] == before[other] and denoised.stacks[one] != raw.stacks[other]:
            raise IceblockError(
                f"{raw.source}: the raw stack {raw.stacks[other]} is the denoised one, "
                f"{denoised.stacks[one]}; {todo}"
            )


def _made_by_run(folder: str) -> bool:
    """Tell whether the run whose record lies near a folder of stacks has made them."""
    above = Path(folder).parent
    for run in (above, above / _CRYOSPARC_RUN):
        record = denoising_record(run)
        if record and os.path.realpath(run / (record.denoised_stacks or STACKS)) == folder:
            return True
    return False
