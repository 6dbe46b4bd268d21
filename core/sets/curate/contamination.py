"""Images that are no particle because there is too much in them: ice crystals, carbon, aggregates.

An image of a particle is mostly noise, and those of one set are much alike in what is left of it
when the noise is smoothed away. Contamination has far more contrast, in the middle of the box or
about it. How much is usual is told from the set itself, from where most images lie closest
together, so that it holds although half of a set is contamination.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import torch

from ...signal.fourier import fourier_resize, smooth

Floats = npt.NDArray[np.float64]

BLUR = 25.0
"""Å, standard deviation of the Gaussian that takes the noise off before contrast is measured."""
COARSE = 16.0
"""Å per pixel that are enough after it."""
HIGH = 3.0
"""Natural logarithm of smooth power over that of white noise which particles rarely have: 2.6 for
80S ribosomes, 2.3 for apoferritin, 1.1 for TRPV1; ice crystals and carbon have 3.7 to 7."""
PART = 0.25
"""Part of the images that has to lie close together."""
CLIP, ROUNDS = 2.5, 12
"""Standard deviations within which values are looked at again, and how often."""
LEAST_SPREAD = 0.15
"""Of the logarithm of the power; below it differences are taken for chance."""
USUAL = 4.0
"""Standard deviations up to which contrast is usual."""


def contrast(images: torch.Tensor, pixel_size: float, diameter: float) -> Floats:
    """Give the logarithms of the power of smooth contrast, over that of white noise.

    Parameters
    ----------
    images : (n, box, box)
        The background's mean 0 and sd 1.
    pixel_size, diameter
        Å.

    Returns
    -------
    powers : (n, 2)
        Inside the circle of the particle, and outside of it.
    """
    box = images.shape[-1]
    small = max(8, min(box // 2 * 2, 2 * round(box * pixel_size / COARSE / 2)))
    blurred = smooth(fourier_resize(images, small), BLUR * small / (box * pixel_size))
    line = torch.arange(small, device=images.device) - small // 2
    radius = min(diameter / (box * pixel_size), 0.8) * small / 2
    inside = (line[:, None].square() + line.square()) <= radius**2
    squares = blurred.square().double()
    powers = torch.stack([squares[:, inside].mean(1), squares[:, ~inside].mean(1)], dim=1)
    noise = pixel_size**2 / (4 * math.pi * BLUR**2)
    return np.asarray((powers / noise).clamp(min=1e-6).log().cpu().numpy())


def excess(powers: Floats) -> Floats:
    """Tell by how much the contrast of images is above what is usual in their set.

    Parameters
    ----------
    powers : (n, 2)
        From `contrast`; NaN for images that cannot be used.

    Returns
    -------
    excess : (n,)
        Standard deviations beyond `USUAL`; 0 for usual images.
    """
    known = ~np.isnan(powers).any(axis=1)
    beyond = np.zeros(len(powers))
    for column in powers.T:
        middle, spread = usual(column[known])
        most = max(middle + USUAL * spread, HIGH)
        beyond[known] = np.maximum(beyond[known], (column[known] - most) / spread)
    return beyond


def usual(values: Floats) -> tuple[float, float]:
    """Give the middle and the standard deviation of most of some values.

    Parameters
    ----------
    values : (n,)
        Perhaps with many that are far above the others.
    """
    if len(values) < 3:
        return (float(np.median(values)) if len(values) else 0.0), 1.0
    rising = np.sort(values)
    reach = max(1, round(PART * len(rising)))
    low, high = rising[:-reach], rising[reach:]
    middles = (low + high) / 2
    # Where two groups are equally narrow, the one with the contrast of particles is taken.
    first = int((np.log(high - low + 1e-9) + np.maximum(middles - HIGH, 0)).argmin())
    middle, spread = float(middles[first]), float(high[first] - low[first]) / 2
    for _ in range(ROUNDS):
        spread = max(spread, LEAST_SPREAD)
        near = rising[np.abs(rising - middle) <= CLIP * spread]
        middle = float(np.median(near))
        spread = 1.5 * float(np.median(np.abs(near - middle)))
    return middle, max(spread, LEAST_SPREAD)
