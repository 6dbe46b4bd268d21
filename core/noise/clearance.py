"""What blocks keep clear of: particles, pollution, and pixels without an image."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import distance_transform_edt, gaussian_filter, maximum_filter

from ..segment.network import PARTICLE
from ..segment.segmenter import Segmentation
from .shading import bin_centres, bin_sum

_INVALID_MARGIN = 3  # pixels about those without an image
_SURE = 0.5


def particle_discs(
    shape: tuple[int, int], centres: npt.NDArray[np.float64], radius: float, step: int = 1
) -> npt.NDArray[np.bool_]:
    """Discs of `radius` pixels about (n, 2) centres y, x: True inside.

    Parameters
    ----------
    shape
        Of what is returned.
    centres, radius
        Pixels of the micrograph.
    step
        Pixels of the micrograph per pixel of what is returned; one is inside when any place
        between the outermost centres of its pixels is.
    """
    discs = np.zeros(shape, dtype=bool)
    last = step - 1
    for centre in np.asarray(centres, dtype=np.float64).reshape(-1, 2):
        low = np.maximum(np.floor((centre - radius - last) / step), 0).astype(np.int64)
        high = np.minimum(np.floor((centre + radius) / step) + 1, shape).astype(np.int64)
        if (low >= high).any():
            continue
        gaps = []
        for c, a, b in zip(centre, low, high, strict=True):
            first = np.arange(a, b) * step
            gaps.append(np.maximum(0, np.maximum(first - c, c - first - last)))
        inside = gaps[0][:, None] ** 2 + gaps[1] ** 2 <= radius**2
        discs[low[0] : high[0], low[1] : high[1]] |= inside
    return discs


def unusable_bins(
    valid: npt.NDArray[np.bool_], binned: npt.NDArray[np.float32], factor: int
) -> npt.NDArray[np.bool_]:
    """Mark binned pixels without an image, and those about them; give them a value in `binned`."""
    unusable = bin_sum(~valid, factor) > 0
    strange = ~np.isfinite(binned)
    binned[strange] = 0
    unusable |= strange
    if unusable.any():
        unusable = maximum_filter(unusable, 2 * -(-_INVALID_MARGIN // factor) + 1)
    return np.asarray(unusable, dtype=bool)


def widened(segmentation: Segmentation, margin: float) -> npt.NDArray[np.bool_]:
    """Particles and pollution on the segmentation's grid, with `margin` pixels around them."""
    occupied = np.asarray(segmentation.occupied != 0)
    if margin <= 0 or not occupied.any():
        return occupied
    # From centre to centre of two coarse pixels; their edges are up to one pixel nearer.
    distance = distance_transform_edt(~occupied, sampling=segmentation.scale)
    return np.asarray(distance < margin + max(segmentation.scale), dtype=bool)


def likely_centres(segmentation: Segmentation, diameter: float) -> npt.NDArray[np.float64]:
    """Give y, x in pixels of the micrograph where the segmentation sees middles of particles."""
    scale = np.array(segmentation.scale)
    smooth = gaussian_filter(segmentation.probabilities[PARTICLE], diameter / scale / 6)
    apart = [max(1, int(0.7 * diameter / s)) for s in segmentation.scale]
    summits = (smooth == maximum_filter(smooth, apart)) & (smooth > _SURE)
    return np.asarray(np.argwhere(summits) * scale + (scale - 1) / 2, dtype=np.float64)


def sampled(
    labels: npt.NDArray[np.bool_],
    scale: tuple[float, float],
    shape: tuple[int, ...],
    factor: int,
) -> npt.NDArray[np.bool_]:
    """Labels of another grid at the centres of the bins."""
    rows, columns = (
        np.minimum(((bin_centres(n, factor) + 0.5) / s).astype(np.int64), side - 1)
        for n, s, side in zip(shape, scale, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]
