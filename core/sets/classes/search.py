"""Which turns and offsets of the class averages are compared with images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from .mixture import Mixture
    from .polar import PolarGrid

COARSE_RINGS = 12
"""Rings on which all classes are compared before the best few are compared on all rings."""
COARSE_TURNS = 64


@dataclass(frozen=True)
class Search:
    """What is tried in one pass over the images.

    Attributes
    ----------
    rings
        The first rings, on which images and averages are compared.
    turns
        Angles in the plane.
    offsets : (s, 2)
        y, x in pixels, in the frame of the class average, about where the image is now.
    cell
        Area for which one offset stands, pixels²; 0 where the offsets stand for all there are.
    finely
        Classes that are compared on all rings: those that fit best on `COARSE_RINGS`.
    """

    rings: int
    turns: int
    offsets: torch.Tensor
    cell: float
    finely: int

    def coarse(self) -> Search:
        """Give the search that picks the classes to be compared finely."""
        turns = min(self.turns, COARSE_TURNS)
        return Search(min(self.rings, COARSE_RINGS), turns, self.offsets, self.cell, self.finely)

    def turned_offsets(self) -> torch.Tensor:
        """Give the offsets (s, turns, 2) as they are in the image after each turn."""
        angles = torch.arange(self.turns) * (2 * math.pi / self.turns)
        sine, cosine = torch.sin(angles), torch.cos(angles)
        y, x = self.offsets[:, :1], self.offsets[:, 1:]
        return torch.stack([x * sine + y * cosine, x * cosine - y * sine], dim=-1)


@dataclass(frozen=True)
class Templates:
    """The averages of a mixture at all offsets of a search.

    Attributes
    ----------
    spectra : (classes, frequencies, rings, offsets) complex
        Complex conjugates of the Fourier coefficients along the rings, times the sample's area.
    powers : (classes, rings)
        Mean over each ring.
    """

    spectra: torch.Tensor
    powers: torch.Tensor


def disc(radius: float, step: float) -> torch.Tensor:
    """Give the points (s, 2) of a square grid within a radius of 0, in pixels."""
    reach = int(radius / step)
    line = torch.arange(-reach, reach + 1) * step
    y, x = torch.meshgrid(line, line, indexing="ij")
    inside = y.square() + x.square() <= radius**2 + 1e-6
    return torch.stack([y[inside], x[inside]], dim=-1)


def templates(mixture: Mixture, search: Search, grid: PolarGrid) -> Templates:
    """Make what images are compared with."""
    moved = grid.moved(mixture.averages[:, None], grid.phases(search.offsets))
    spectra = torch.fft.rfft(moved * grid.sample_areas[:, None])[:, :, : search.rings].conj()
    spectra = spectra[..., : search.turns // 2].permute(0, 3, 2, 1)
    return Templates(spectra.contiguous(), mixture.averages.square().mean(-1)[:, : search.rings])
