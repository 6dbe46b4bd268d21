"""The volume whose slices fit best to what images added up to, and to what is expected of it.

The sum of squared differences, each over its noise, has its least value where H v = b. H multiplies
the padded transform by the summed weights and by one over the power that is expected of the
volume; b is the sum of all images, turned and moved back. The equation is solved inside the mask by
conjugate gradients, from the former volume on.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ..classes.mixture import Statistics
from ..classes.polar import parts
from .slices import Lattice, Slices

STEPS = 4
"""Of the conjugate gradients."""
BEYOND = 1e3
"""Factor on one over the expected power, past the rings that are learned."""


@dataclass(frozen=True)
class Sums:
    """What images add up to, on average of an image.

    Attributes
    ----------
    signal : (size, size, size)
        Images times CTF over noise power, turned and moved back.
    weights : (m, m, m)
        Squared CTF over noise power, in the padded transform.
    """

    signal: torch.Tensor
    weights: torch.Tensor

    def mixed(self, other: Sums, share: float) -> Sums:
        """Give a weighted mean, in which the other has a share."""
        return Sums(
            torch.lerp(self.signal, other.signal, share),
            torch.lerp(self.weights, other.weights, share),
        )


def sums_of(seen: Statistics, slices: Slices, where: Lattice) -> Sums:
    """Sum up what images were compared with slices."""
    rings = slices.rings
    area = where.grid.sample_areas[:rings]
    images = float(seen.members.sum())
    signal = torch.complex(*parts(seen.signal[:, :rings])) * area[:, None]
    return Sums(
        2 * slices.back(signal) / images,
        slices.weights(seen.precision[:, :rings] * area) / images,
    )


def reconstructed(
    sums: Sums, images: float, power: torch.Tensor, start: torch.Tensor, where: Lattice
) -> torch.Tensor:
    """Give the most likely volume.

    Parameters
    ----------
    sums
        On average of an image.
    images
        For which they stand.
    power : (rings,)
        That is expected of a slice, in the units of the images' transform; the rings are those
        that are learned.
    start : (size, size, size)
        A guess.
    where
        Of the volume.
    """
    rings, mask = len(power), where.mask
    inverse = where.filled * (where.box / where.padded) ** 3 / where.spread(power)
    inverse = torch.where(where.radii > rings + 1, BEYOND * inverse, inverse)
    weights = sums.weights * images
    smooth = where.spread(where.ring_means(weights, rings))
    exact = (weights + inverse) * where.padded**3  # b is a sum over all points of the transform
    nearly = 1 / (torch.where(where.radii > rings, torch.zeros(()), smooth) + inverse)

    def applied(volume: torch.Tensor) -> torch.Tensor:
        return where.filtered(volume * mask, exact) * mask

    def solved_nearly(volume: torch.Tensor) -> torch.Tensor:
        return where.filtered(volume * mask, nearly) * mask

    volume = start * mask
    left = sums.signal * images * mask - applied(volume)
    towards = step = solved_nearly(left)
    length = float((left * towards).sum())
    for _ in range(STEPS):
        changed = applied(step)
        curvature = float((step * changed).sum())
        if curvature <= 0:  # nothing is left to be done
            break
        volume = volume + length / curvature * step
        left = left - length / curvature * changed
        towards = solved_nearly(left)
        former, length = length, float((left * towards).sum())
        step = towards + length / former * step
    return volume * mask
