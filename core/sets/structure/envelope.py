"""A mask of the solvent: it is most of what is around a particle, and holds nothing but noise."""

from __future__ import annotations

import torch

from .slices import Lattice

KEPT = 0.35
"""Part of the ball that counts as the particle, at least."""
OUTSIDE = 0.25
"""Value of the mask in the solvent. It is not 0: parts that are not seen yet can still appear."""
SMOOTHED, SOFT = 9.0, 2.0
"""Standard deviations of two Gaussian filters: of the one (rings) that smooths the volume before
the particle is looked for, and of the one (voxels) that makes the edge of the mask soft."""


def solvent_mask(volume: torch.Tensor, where: Lattice) -> torch.Tensor:
    """Give a mask (size, size, size) that is weak where a volume shows no particle.

    The particle is where the smoothed volume is above a threshold: the root mean square of the
    volume's negative values, which are noise. At least `KEPT` of the ball counts as particle.

    Parameters
    ----------
    volume : (size, size, size)
        As it is believed now.
    where
        Its voxels, with the mask of the ball.

    Returns
    -------
    mask : (size, size, size)
        That of the ball, times `OUTSIDE` in the solvent.
    """
    ball = where.mask > 0.5
    smooth = where.filtered(volume, _gaussian(where, SMOOTHED))
    inside = smooth[ball]
    noise = inside.clamp(max=0).square().sum() / (inside < 0).sum().clamp(min=1)
    threshold = torch.minimum(noise.sqrt(), torch.quantile(inside, 1 - KEPT))
    particle = ((smooth > threshold) & ball).float()
    # A Gaussian of voxels is a Gaussian of rings, too.
    wide = where.filtered(particle, _gaussian(where, where.box / (2 * torch.pi * SOFT)))
    return where.mask * (OUTSIDE + (1 - OUTSIDE) * (2 * wide).clamp(0, 1))


def _gaussian(where: Lattice, rings: float) -> torch.Tensor:
    """Give a low-pass filter of the padded transform."""
    return torch.exp(-0.5 * (where.radii / rings).square())
