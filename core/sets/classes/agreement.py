"""To what detail two halves of a set agree on a class."""

from __future__ import annotations

import math

import torch

from .halves import Halves
from .matching import laid_on
from .mixture import Mixture
from .polar import PolarGrid

SEEN = 0.143
"""Fourier ring correlation between halves down to which an average shows a signal."""
BEYOND_CHANCE = 2.0
"""Standard errors by which a correlation has to be above 0 on rings of few Fourier pixels."""
FIRST = 5
"""Rings that count as one: they hold few pixels, and show no more than a blob."""


def ring_correlations(mixture: Mixture, halves: Halves, grid: PolarGrid) -> torch.Tensor:
    """Compare what both halves show of each class.

    Averages without a prior are compared: a mask spreads the strong first rings over others where
    a prior has left next to nothing, in both halves alike.

    Parameters
    ----------
    mixture
        Whose classes; the most similar averages of each half are laid on each of its averages.
    halves
        Of the set.
    grid
        Where averages are sampled.

    Returns
    -------
    frc : (classes, rings)
        The Fourier ring correlation.
    """
    one, other = (
        laid_on(mixture.averages, taught.mixture.averages, taught.plain, grid).double()
        for taught in halves.taught
    )
    norm = (one.square().mean(-1) * other.square().mean(-1)).sqrt().clamp(min=1e-30)
    return (one * other).mean(-1) / norm


def rings_seen(frc: torch.Tensor, grid: PolarGrid) -> torch.Tensor:
    """Give on how many rings (classes,) halves agree; 0 where they agree on a blob at most.

    The correlation, smoothed over three rings, has to be above `SEEN` and beyond chance. A ring
    holds π · radius independent Fourier pixels, of which the mask leaves its part of the box.
    """
    wide = torch.nn.functional.pad(frc[:, None], (1, 1), mode="replicate")
    smooth = torch.nn.functional.avg_pool1d(wide, 3, 1)[:, 0]
    pixels = math.pi * grid.mask_power * grid.radii.to(frc.dtype)
    chance = BEYOND_CHANCE / (3 * pixels).sqrt()
    smooth[:, :FIRST] = (frc[:, :FIRST] @ pixels[:FIRST] / pixels[:FIRST].sum())[:, None]
    chance[:FIRST] = BEYOND_CHANCE / pixels[:FIRST].sum().sqrt()
    seen = smooth >= chance.clamp(min=SEEN)
    first = torch.where(seen.all(1), frc.shape[1], (~seen).to(torch.int).argmax(1))
    return torch.where(first <= FIRST, 0, first)
