"""Micrographs without shading, with their median spread at 1."""

import numpy as np
import numpy.typing as npt

from core.noise.shading import SLOW, bin_mean, measure_shading, robust_sd

CELLS = 6
"""Cells of the shading's grid in its finest wave, as `measure_shading` has them."""


def flatten(micrograph: npt.NDArray[np.float32], pixel_size: float) -> npt.NDArray[np.float32]:
    factor = max(1, int(SLOW / pixel_size / CELLS))
    binned = bin_mean(micrograph, factor)
    shading = measure_shading(binned, np.ones(binned.shape, dtype=bool), factor, pixel_size)
    flat = shading.removed_from(micrograph)
    rounding = 1e-6 * float(np.abs(shading.grid).max())  # all that is left of a constant image
    return np.asarray(flat / max(robust_sd(flat), rounding, 1e-12), dtype=np.float32)
