"""Are the particles white or black? Told from the mean radial profile of a sample of images.

A particle's own density stands out from the background more than the fringes that the CTF lays
about it, in either direction: the larger excursion tells the contrast. A look at the centre alone
would call hollow particles black.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..images.background import ring_statistics

if TYPE_CHECKING:
    import numpy.typing as npt

SAMPLE = 256
"""Images to look at."""
BINS = 16
"""Rings of a profile, from the centre to the edge of the box."""
CERTAIN = 4.0
"""Standard errors that a dark excursion must reach to be believed."""


def radial_profiles(images: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Mean of each image in rings about its centre, above its background, in background sd.

    Parameters
    ----------
    images : (n, box, box)

    Returns
    -------
    profiles : (k, BINS)
        k <= n: images without a usable background are left out.
    """
    raw = torch.from_numpy(images)
    mean, sd = ring_statistics(raw)
    box = raw.shape[-1]
    d = torch.arange(box) - box // 2
    ring = (d[:, None] ** 2 + d[None, :] ** 2).sqrt() * 2 * BINS / box
    inside = ring < BINS
    index = ring[inside].long()
    values = ((raw - mean) / sd)[:, inside]
    total = torch.zeros(len(raw), BINS).index_add_(1, index, values)
    profiles = total / torch.bincount(index, minlength=BINS)
    return np.asarray(profiles[torch.isfinite(profiles).all(dim=1)].double().numpy())


def sign_of_contrast(profiles: npt.NDArray[np.float64]) -> int:
    """-1 where particles are clearly black, else 1 (white, RELION's convention).

    Parameters
    ----------
    profiles : (n, BINS)
        From `radial_profiles`.
    """
    if len(profiles) < 2:
        return 1
    mean = profiles.mean(axis=0)
    error = profiles.std(axis=0, ddof=1) / np.sqrt(len(profiles))
    darkest = int(mean.argmin())
    dark, bright = -mean[darkest], max(0.0, mean.max())
    return -1 if dark > 2 * bright and dark > CERTAIN * error[darkest] else 1
