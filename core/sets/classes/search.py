"""Which turns and offsets of the class averages are compared with images."""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import lru_cache

import torch

from ...compute.threads import shared
from .mixture import Mixture
from .polar import PolarGrid

COARSE_RINGS = 12
"""Rings on which all classes are compared before the best few are compared on all rings."""
COARSE_TURNS = 64
MOST_TURNS = 64
"""That are tried where the views decide how many."""
FAINT, FINER = 2e-3, 2
"""The highest frequencies along the rings are left out while they hold less than this part of the
signal over the noise. Turns are tried this many times closer than the rest of them needs.
"""
AT_ONCE = 512
"""Products of classes and offsets that are moved at the same time: more take much memory."""
AHEAD = 3
"""Rings beyond those compared on which averages are made, to see whether they show a signal."""


@dataclass(frozen=True)
class Search:
    """What is tried in one pass over the images.

    Attributes
    ----------
    rings
        The first rings, on which images and averages are compared.
    turns
        Angles in the plane, even.
    offsets : (s, 2)
        y, x in pixels, in the frame of the class average, about where the image is now.
    cell
        Area for which one offset stands, pixels²; 0 where the offsets stand for all there are.
    finely
        Classes that are compared on all rings: those that fit best on `COARSE_RINGS`.
    coarse_turns
        Angles in the plane on these rings, even, at most.
    """

    rings: int
    turns: int
    offsets: torch.Tensor
    cell: float
    finely: int
    coarse_turns: int = COARSE_TURNS

    def coarse(self) -> Search:
        """Give the search that picks the classes to be compared finely."""
        turns = min(self.turns, self.coarse_turns)
        return Search(min(self.rings, COARSE_RINGS), turns, self.offsets, self.cell, self.finely)

    def learned_rings(self, grid: PolarGrid) -> int:
        """Tell on how many rings images are added up."""
        return min(grid.rings, self.rings + AHEAD)

    def learned_frequencies(self, grid: PolarGrid) -> int:
        """Tell how many Fourier coefficients along the rings hold all of a picture there."""
        rings = self.learned_rings(grid)
        return min(grid.turns // 2, math.ceil(grid.turns / 2 * rings / grid.rings)) + 1

    def turned(self, offsets: torch.Tensor, turns: torch.Tensor) -> torch.Tensor:
        """Give offsets (…, 2) of averages as they are in the image after turns (…)."""
        angles = turns * (2 * math.pi / self.turns)
        sine, cosine = torch.sin(angles), torch.cos(angles)
        y, x = offsets[..., 0], offsets[..., 1]
        return torch.stack([x * sine + y * cosine, x * cosine - y * sine], dim=-1)


@dataclass(frozen=True)
class Templates:
    """The averages of a mixture at all offsets of a search.

    Attributes
    ----------
    parts : (2, frequencies, offsets, classes, 2 · rings)
        Fourier coefficients along the rings, times the sample's area, real and imaginary part of
        each ring side by side. A product with those of an image gives the real part of the sum of
        image · conj(average) from the first of the two, the imaginary part from the second.
    powers : (classes, rings)
        Mean over each ring.
    """

    parts: torch.Tensor
    powers: torch.Tensor


def disc(radius: float, step: float) -> torch.Tensor:
    """Give the points (s, 2) of a square grid within a radius of 0, in pixels."""
    reach = int(radius / step)
    line = torch.arange(-reach, reach + 1) * step
    y, x = torch.meshgrid(line, line, indexing="ij")
    inside = y.square() + x.square() <= radius**2 + 1e-6
    return torch.stack([y[inside], x[inside]], dim=-1)


def turns_for(views: torch.Tensor, noise: torch.Tensor) -> int:
    """Give the number of turns that show how an image of these views is turned in the plane.

    Parameters
    ----------
    views : (k, rings, turns)
        Polar samples on the first rings.
    noise : (rings or more,)
        Of the images.
    """
    rings = torch.arange(1, views.shape[1] + 1)
    weights = (rings / noise[: len(rings)])[:, None]
    power = (torch.fft.rfft(views).abs().square() * weights).sum((0, 1))
    beyond = power.flip(0).cumsum(0).flip(0)
    return 2 * FINER * max(1, int((beyond > FAINT * beyond[0]).sum()))


def search_among(
    views: torch.Tensor, noise: torch.Tensor, offsets: torch.Tensor, finely: int
) -> Search:
    """Give the search on all rings of some views, in as many turns as their detail needs.

    Parameters
    ----------
    views, noise
        As in `turns_for`.
    offsets : (s, 2)
        y, x in pixels; they stand for all there are.
    finely
        Views that an image is compared with on more than the coarsest rings, at most.
    """
    return Search(
        rings=views.shape[1],
        turns=min(MOST_TURNS, views.shape[2], turns_for(views, noise)),
        offsets=offsets,
        cell=0.0,
        finely=min(finely, len(views)),
        coarse_turns=turns_for(views[:, :COARSE_RINGS], noise),
    )


def templates(
    mixture: Mixture, search: Search, grid: PolarGrid, pool: Executor | None = None
) -> Templates:
    """Make what images are compared with; the threads of a pool share the work."""
    averages, phases = mixture.averages[:, : search.rings], grid.phases(search.offsets)
    rings, half, count = averages.shape[1], search.turns // 2, len(search.offsets)
    both = torch.empty(2, half, count, len(averages), 2 * rings)

    def make(some: torch.Tensor) -> None:
        moved = (
            grid.moved(averages[some, None], phases[:, :rings]) * grid.sample_areas[:rings, None]
        )
        spectra = torch.fft.rfft(moved)[..., :half].permute(3, 1, 0, 2)
        for part, factor in enumerate((1, 1j)):
            both[part][:, :, some] = torch.view_as_real((factor * spectra).contiguous()).flatten(-2)

    pieces = torch.split(torch.arange(len(averages)), max(1, AT_ONCE // count))
    for _ in shared(pool, make, pieces):
        pass
    return Templates(both, averages.square().mean(-1))


@lru_cache(maxsize=16)
def to_turns(turns: int, frequencies: int, samples: int) -> torch.Tensor:
    """Give the matrix (turns, 2 · frequencies) that makes sums over rings of all turns.

    It acts on the real parts of Fourier coefficients, the imaginary parts below them, of rings of
    a number of samples.
    """
    angles = _angles(turns, frequencies)
    weights = torch.full((frequencies,), 2.0 / samples, dtype=torch.float64)
    weights[0] = 1.0 / samples
    return torch.cat([weights * angles.cos(), -weights * angles.sin()], dim=1).float()


@lru_cache(maxsize=16)
def from_turns(turns: int, frequencies: int) -> torch.Tensor:
    """Give the matrix (2 · frequencies, turns) that makes factors of weights of all turns.

    They turn spectra back: sums of weight · exp(i · frequency · turn), the imaginary parts below.
    """
    angles = _angles(turns, frequencies).T
    return torch.cat([angles.cos(), angles.sin()]).float()


def _angles(turns: int, frequencies: int) -> torch.Tensor:
    turn = torch.arange(turns, dtype=torch.float64) * (2 * math.pi / turns)
    return turn[:, None] * torch.arange(frequencies, dtype=torch.float64)
