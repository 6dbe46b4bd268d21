"""Where in its ball a volume may be: most of a box around a particle is solvent."""

from __future__ import annotations

import torch

from .slices import Lattice

KEPT = 0.35
"""Part of the ball that counts as the particle, at least."""
OUTSIDE = 0.25
"""Of the mask far from the particle: what is not seen yet can still appear there."""
SMOOTHED, SOFT = 9.0, 2.0
"""Rings of the low-pass filter before the particle is told, its standard deviation; and voxels of
the edge, the same."""


def solvent_mask(volume: torch.Tensor, where: Lattice) -> torch.Tensor:
    """Give a mask (size, size, size) that is weak where a volume shows no particle.

    The particle is where the smoothed volume is higher than the negative values are deep, as their
    root mean square; and never less than `KEPT` of the ball.

    Parameters
    ----------
    volume : (size, size, size)
        As it is believed now.
    where
        Its voxels, with the mask of the ball.
    """
    ball = where.mask > 0.5
    smooth = where.filtered(volume, _gaussian(where, SMOOTHED))
    inside = smooth[ball]
    depth = inside.clamp(max=0).square().sum() / (inside < 0).sum().clamp(min=1)
    threshold = torch.minimum(depth.sqrt(), torch.quantile(inside, 1 - KEPT))
    particle = ((smooth > threshold) & ball).float()
    # A Gaussian of voxels is a Gaussian of rings, too.
    wide = where.filtered(particle, _gaussian(where, where.box / (2 * torch.pi * SOFT)))
    return where.mask * (OUTSIDE + (1 - OUTSIDE) * (2 * wide).clamp(0, 1))


def _gaussian(where: Lattice, rings: float) -> torch.Tensor:
    """Give a low-pass filter of the padded transform."""
    return torch.exp(-0.5 * (where.radii / rings).square())
