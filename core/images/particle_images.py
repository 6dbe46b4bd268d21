"""The images of a set of particles, whatever stacks they lie in."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .mrc.reader import read_images
from .particles import ParticleSet
from .validation import stack_header


def images_of(
    particles: ParticleSet, rows: npt.NDArray[np.int64] | None = None
) -> npt.NDArray[np.float32]:
    """Read the images of some particles, all of one box, in the order of `rows`.

    Parameters
    ----------
    particles
        As `read_particles` gives them.
    rows : (n,)
        0-based rows of the table; all of them by default.

    Returns
    -------
    images : (n, box, box) float32
        In the units of the files.

    Raises
    ------
    IceblockError
        If a stack is missing or damaged, or the images have several boxes.
    """
    chosen = np.arange(particles.n) if rows is None else np.asarray(rows, dtype=np.int64)
    ids = particles.stack_ids[chosen]
    images: npt.NDArray[np.float32] | None = None
    for stack in np.unique(ids):
        header = stack_header(particles, particles.stacks[stack])
        if images is None:
            images = np.empty((len(chosen), header.box_y, header.box_x), dtype=np.float32)
        if images.shape[1:] != (header.box_y, header.box_x):
            raise IceblockError(
                f"{particles.source} has images of several boxes: take particles of a single one."
            )
        mine = np.flatnonzero(ids == stack)
        images[mine] = read_images(header, particles.indices[chosen[mine]])
    return np.empty((0, 0, 0), dtype=np.float32) if images is None else images
