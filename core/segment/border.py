"""Particles too near the micrograph's border to be extracted: no noise, and no particles to use."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

from .grid import PARTICLE as DIAMETER
from .network import PARTICLE, POLLUTION

MARGIN = 0.75
"""Least distance of a particle's centre from the border in diameters: half a box of 1.5."""


def move_border_particles(
    probabilities: npt.NDArray[np.float32],
) -> npt.NDArray[np.float32]:
    """Count particles whose box would cross the border as pollution.

    Nobody can extract them, so picks never hold them; noise must not be cut there either.

    Parameters
    ----------
    probabilities : (3, h, w)
        On the network's grid, where a particle is 16 pixels across.

    Returns
    -------
    probabilities : (3, h, w)
        The same, with particle and pollution exchanged there.
    """
    chance = probabilities[PARTICLE]
    margin = MARGIN * DIAMETER
    smooth = gaussian_filter(chance, DIAMETER / 5, mode="reflect")
    top = maximum_filter(smooth, round(0.7 * DIAMETER), mode="nearest")
    y, x = np.nonzero((smooth == top) & (smooth > 0.15))
    if len(y) == 0:
        return probabilities
    seeds = np.ones(chance.shape, dtype=bool)
    seeds[y, x] = False
    nearest = distance_transform_edt(seeds, return_distances=False, return_indices=True)
    reach = np.minimum(nearest, np.array(chance.shape)[:, None, None] - 1 - nearest).min(axis=0)
    cut = reach < margin
    moved = probabilities.copy()
    moved[POLLUTION][cut] += chance[cut]
    moved[PARTICLE][cut] = 0
    return moved
