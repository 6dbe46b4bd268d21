"""How well labels agree with picks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .labels import discs
from .network import PARTICLE
from .segmenter import Segmentation


def f1_score(segmentation: Segmentation, picks: npt.NDArray[np.float64], radius: float) -> float:
    """Pixel F1 (Dice coefficient) of the particle class against discs about picks.

    Parameters
    ----------
    segmentation
        Made without these picks.
    picks : (n, 2)
        y, x in pixels of the micrograph.
    radius
        Of the discs, in pixels of the micrograph.
    """
    found = segmentation.labels == PARTICLE
    true = discs((found.shape[0], found.shape[1]), segmentation.shape, picks, radius)
    total = int(found.sum()) + int(true.sum())
    return 2 * int((found & true).sum()) / total if total else 1.0
