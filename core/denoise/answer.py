"""What comes of denoising a batch of images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class Answer:
    """What came of a batch of n images."""

    denoised: npt.NDArray[np.float32]
    """(n, box, box) in units of the raw background's sd, mean 0.

    Images that cannot be denoised are as they came."""
    unusable: npt.NDArray[np.bool_]
    """(n,) True for images that hold NaN or infinite values or whose background is constant."""
    confidence: npt.NDArray[np.float32]
    """(n,) expected correlation with the truth inside the particle's mask, 0 to 1; 0 for unusable
    images, NaN where none was asked for."""
    outliers: npt.NDArray[np.int64]
    """(n,) pixels that were replaced before the network saw them; see `images.outliers`."""
