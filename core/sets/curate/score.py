"""One number for each image by which particles are kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

HALF = 10.0
"""Evidence that gives a score of 0.75."""
FADES = 1.0
"""Excess of contrast from which on evidence no longer counts."""


def score(evidence: Floats, excess: Floats) -> Floats:
    """Give scores from 0 to 1.

    At 0.5 the class averages explain the image no better than noise does. More evidence brings the
    score towards 1, and contrast far above what is usual brings it towards 0: contamination often
    fits some average better than any particle.

    Parameters
    ----------
    evidence : (n,)
        From `evidence.judge`.
    excess : (n,)
        From `contamination.excess`.
    """
    fading = np.clip(1 - excess / FADES, 0, 1)
    value = np.where(evidence > 0, evidence * fading, evidence) - HALF * excess
    return np.asarray(0.5 + 0.5 * value / (HALF + np.abs(value)))
