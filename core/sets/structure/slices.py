"""A small volume, and its central slices on the rings of a polar grid.

The Fourier transform of a projection is the slice of the volume's transform across the direction of
view. Slices are read by linear interpolation in the transform of the volume, padded to twice its
size; what the interpolation does to the volume is taken off before.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import torch

from ..classes.polar import PolarGrid, hartley

EDGE = 2.0
"""Voxels over which the mask falls from 1 to 0."""


@dataclass(frozen=True)
class Lattice:
    """Voxels, larger than the images' pixels.

    Attributes
    ----------
    grid
        Of the images.
    box
        Voxels that are as wide as the images' box.
    size
        Voxels along each side of the volume.
    mask : (size, size, size)
        A soft ball.
    window : (size, size, size)
        What takes off the effect of the interpolation.
    radii : (m, m, m)
        Of the padded transform, in rings of the grid.
    """

    grid: PolarGrid
    box: int
    size: int
    mask: torch.Tensor
    window: torch.Tensor
    radii: torch.Tensor

    @property
    def padded(self) -> int:
        """Voxels along each side of the padded transform."""
        return 2 * self.size

    @property
    def distances(self) -> torch.Tensor:
        """(size, size, size) from the centre, voxels."""
        return _radii(torch.arange(self.size, dtype=torch.float32) - self.size // 2)

    @property
    def rings(self) -> int:
        """Rings that the voxels can hold."""
        return min(self.grid.rings, self.box // 2 - 1)

    @property
    def filled(self) -> float:
        """Part of the images' box, as a cube, that the squared mask takes."""
        return float(self.mask.square().sum()) / self.box**3

    def spectrum(self, volume: torch.Tensor) -> torch.Tensor:
        """Give the padded transform (m, m, m) of a volume, complex, its origin first."""
        before = self.padded // 2 - self.size // 2
        room = torch.nn.functional.pad(volume, [before, self.padded - self.size - before] * 3)
        spectrum: torch.Tensor = torch.fft.fftn(torch.fft.ifftshift(room))
        return spectrum

    def volume(self, spectrum: torch.Tensor) -> torch.Tensor:
        """Sum up a padded transform where the volume is; the transpose of `spectrum`."""
        room = torch.fft.fftshift(torch.fft.ifftn(spectrum).real) * self.padded**3
        inside = slice(self.padded // 2 - self.size // 2, self.padded // 2 + self.size // 2)
        volume: torch.Tensor = room[inside, inside, inside]
        return volume

    def filtered(self, volume: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
        """Multiply the padded transform of a volume by factors (m, m, m), even about its origin."""
        sides, inside = [self.padded] * 3, slice(self.size)
        spectrum = torch.fft.rfftn(volume, s=sides) * factor[..., : self.padded // 2 + 1]
        made: torch.Tensor = torch.fft.irfftn(spectrum, s=sides)[inside, inside, inside]
        return made

    def spread(self, rings: torch.Tensor) -> torch.Tensor:
        """Give values (rings,) at all points of the padded transform, by linear interpolation."""
        place = (self.radii - 1).clamp(0, len(rings) - 1)
        lower = place.floor().long().clamp(max=max(len(rings) - 2, 0))
        upper = (lower + 1).clamp(max=len(rings) - 1)
        return torch.lerp(rings[lower], rings[upper], place - lower)

    def ring_means(self, values: torch.Tensor, rings: int) -> torch.Tensor:
        """Give the means (rings,) of values (m, m, m) in shells about each ring."""
        shells = self.radii.round().long().clamp(max=rings + 1).flatten()
        sums = torch.bincount(shells, values.flatten(), rings + 2)
        return (sums / torch.bincount(shells, minlength=rings + 2))[1 : rings + 1].float()

    def onto(self, volume: torch.Tensor, finer: Lattice) -> torch.Tensor:
        """Give a volume on finer voxels of the same images, its transform the same."""
        spectrum = torch.fft.fftshift(
            torch.fft.fftn(torch.fft.ifftshift(_embedded(volume, self.box)))
        )
        wide = torch.fft.ifftshift(_embedded(spectrum, finer.box))
        whole = torch.fft.fftshift(torch.fft.ifftn(wide).real)
        inside = slice(finer.box // 2 - finer.size // 2, finer.box // 2 + finer.size // 2)
        made: torch.Tensor = whole[inside, inside, inside].contiguous()
        return made


def lattice(grid: PolarGrid, part: float, box: int) -> Lattice:
    """Make the lattice of a ball whose diameter is a part of the images' box.

    Parameters
    ----------
    grid
        Of the images.
    part
        Of their box.
    box
        Voxels that are as wide as their box, even; they are never finer than its pixels.
    """
    box = min(grid.box, box)
    size = 2 * int(part * box / 2)
    line = torch.arange(size, dtype=torch.float32) - size // 2
    radius = _radii(line)
    falling = ((radius - (size / 2 - EDGE)) / EDGE).clamp(0, 1)
    sinc = torch.sinc(line / (2 * size)).square()
    return Lattice(
        grid=grid,
        box=box,
        size=size,
        mask=0.5 + 0.5 * torch.cos(math.pi * falling),
        window=1 / (sinc[:, None, None] * sinc[:, None] * sinc),
        radii=_radii(torch.fft.fftfreq(2 * size) * box),
    )


class Slices:
    """Slices of volumes on the first rings, across some directions of view.

    Parameters
    ----------
    where
        Of the volumes.
    matrices : (k, 3, 3)
        Rotations of the image's x, y and direction of view into the volume's x, y, z.
    rings
        How many.
    """

    def __init__(self, where: Lattice, matrices: torch.Tensor, rings: int) -> None:
        self._lattice, self.rings = where, rings
        grid, side = where.grid, where.padded
        radii = grid.radii[:rings, None] * (side / where.box)
        cosines, sines = radii * torch.cos(grid.angles()), radii * torch.sin(grid.angles())
        places, weights = [], []
        for axis, stride in ((2, side**2), (1, side), (0, 1)):  # z, y, x
            along, across = matrices[:, axis, 0], matrices[:, axis, 1]
            place = along[:, None, None] * cosines + across[:, None, None] * sines
            corner = place.floor()
            beyond = (place - corner).flatten()
            first = corner.int().flatten()  # half the memory of long numbers
            places.append([first % side * stride, (first + 1) % side * stride])
            weights.append([1 - beyond, beyond])
        self._shape = (len(matrices), *cosines.shape)
        self._corners = [
            (
                places[0][z] + places[1][y] + places[2][x],
                weights[0][z] * weights[1][y] * weights[2][x],
            )
            for z, y, x in itertools.product((0, 1), repeat=3)
        ]

    def of(self, volume: torch.Tensor) -> torch.Tensor:
        """Give the slices (k, rings, turns // 2), complex, of a volume."""
        spectrum = self._lattice.spectrum(volume * self._lattice.window).flatten()
        corners = iter(self._corners)
        place, weight = next(corners)
        found = spectrum.index_select(0, place).mul_(weight)
        for place, weight in corners:
            found += spectrum.index_select(0, place).mul_(weight)
        return found.reshape(self._shape)

    def samples(self, volume: torch.Tensor) -> torch.Tensor:
        """Give the slices as polar samples (k, all rings, turns), 0 on rings that are not made."""
        found, grid = self.of(volume), self._lattice.grid
        whole = torch.zeros(len(found), grid.rings, grid.turns)
        whole[:, : self.rings] = hartley(found.real, found.imag)
        return whole

    def back(self, slices: torch.Tensor) -> torch.Tensor:
        """Sum up slices in the volume; the transpose of `of`."""
        values = torch.view_as_real(slices.flatten().contiguous())
        sums = torch.zeros(self._lattice.padded**3, 2)
        for place, weight in self._corners:
            sums.index_add_(0, place, values * weight[:, None])
        spectrum = torch.view_as_complex(sums).reshape([self._lattice.padded] * 3)
        return self._lattice.volume(spectrum) * self._lattice.window

    def weights(self, values: torch.Tensor) -> torch.Tensor:
        """Sum up weights (k, rings) of the slices, both halves of them, in the padded transform."""
        each = values[..., None].expand(self._shape).flatten()
        sums = torch.zeros(self._lattice.padded**3)
        for place, weight in self._corners:
            sums.index_add_(0, place, each * weight)
        half = sums.reshape([self._lattice.padded] * 3)
        return half + half.flip(0, 1, 2).roll((1, 1, 1), (0, 1, 2))


def _embedded(values: torch.Tensor, size: int) -> torch.Tensor:
    """Put a cube, its origin in the middle, into the middle of a larger one of zeros."""
    before = size // 2 - len(values) // 2
    return torch.nn.functional.pad(values, [before, size - len(values) - before] * 3)


def _radii(line: torch.Tensor) -> torch.Tensor:
    """Give the distance from 0 on a cube with these coordinates along each side."""
    square = line.square()
    return (square[:, None, None] + square[:, None] + square).sqrt()
