"""What fine-tuning has gained, on the same held-out images before and after."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def paired_gain(differences: npt.NDArray[np.float64]) -> dict[str, float]:
    """Give the mean and the standard error of what each held-out image has gained.

    Parameters
    ----------
    differences
        (n,) correlations after minus those before, image by image, at least 2.
    """
    error = differences.std(ddof=1) / np.sqrt(len(differences))
    return {"mean": round(float(differences.mean()), 6), "error": round(float(error), 6)}
