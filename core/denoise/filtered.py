"""Do particles look as if they were filtered, masked or denoised already? Their backgrounds tell.

The network, and the normalisation before it, rest on the noise about a particle. Where that is all
but gone, or has lost its fine part, each image is blown up by a number that means nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..images.mrc.reader import read_images
from ..images.output_plan import StackJob
from ..remarks import warn
from ..signal.background import ring_mask
from ..signal.outliers import without_outliers
from .batches import spread
from .views import normalised, working_view

SAMPLE = 256
"""Images to look at."""

FLAT = 4.0
"""Spread inside the particle's circle, in sd of the background, beyond which that is too flat.

Raw particles have 1.0 to 1.3, particles denoised by this program 6 and more."""
FINE = 0.03
"""Part of the finest detail that white noise has, below which the background was filtered.

Raw particles have .2 and more at the network's pixel size, low-passed ones .06 (15 Å) to .0001."""
MANY = 0.1
"""Part of the images that must be so."""
_FOURTH = (1.0, -4.0, 6.0, -4.0, 1.0)


def tell_filtered(jobs: Sequence[StackJob], working_pixel_size: float) -> None:
    """Warn where many of a sample of images have a background that raw particles do not have."""
    looked = flat = smooth = 0
    for job, places in spread(jobs, SAMPLE):
        images = read_images(job.stack, job.indices[places])
        inside, fine = background_marks(images, job.pixel_size, working_pixel_size)
        looked += len(inside)
        flat += int((inside > FLAT).sum())
        smooth += int(((inside <= FLAT) & (fine < FINE)).sum())
    if flat > MANY * looked:
        warn(
            f"{flat} of {looked} particles that were looked at have hardly any noise about them, "
            "as after denoising, masking or averaging; iceblock measures the noise there, and the "
            "strength of its result then means nothing. Give the raw particles, as they were "
            "extracted."
        )
    if smooth > MANY * looked:
        warn(
            f"{smooth} of {looked} particles that were looked at have no fine noise about them, as "
            "after a low-pass filter or a blur; iceblock takes what is left for signal. Give "
            "the raw particles, as they were extracted."
        )


def background_marks(
    images: npt.NDArray[np.float32], pixel_size: float, working_pixel_size: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Measure how flat and how smooth the backgrounds of raw images are.

    Parameters
    ----------
    images : (n, box, box)
    pixel_size, working_pixel_size
        Å; the latter of the network.

    Returns
    -------
    inside : (k,)
        Spread inside the particle's circle, in sd of the background; k <= n, usable images only.
    fine : (k,)
        Variance of the background's fourth differences along rows at the network's pixel size, 1
        for white noise.
    """
    known, unusable = normalised(torch.from_numpy(images), 1)
    known, _ = without_outliers(known[~unusable])
    circle = ~ring_mask(known.shape[-1])
    inside = known[:, circle].square().mean(dim=1).sqrt()
    seen, _ = working_view(known, pixel_size, working_pixel_size)
    weights = torch.tensor(_FOURTH)
    width = len(_FOURTH)
    lines = seen.unfold(2, width, 1)[:, ring_mask(seen.shape[-1]).unfold(1, width, 1).all(-1)]
    fine = (lines @ weights).square().mean(dim=1) / weights.square().sum()
    return inside, fine
