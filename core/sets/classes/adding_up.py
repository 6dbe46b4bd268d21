"""What images add up to, turned and moved back and weighted by their posterior."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .pairs import Pairs, pairs_where
from .search import Search, from_turns

if TYPE_CHECKING:
    from .polar import PolarGrid

NEGLIGIBLE = 1e-4
"""Posterior of a class below which an image adds nothing to it."""


@dataclass(frozen=True)
class Weighted:
    """Images with the posterior of each turn and offset.

    Attributes
    ----------
    spectra : (frequencies, m, 2 · rings)
        Of the images over the noise power, moved to `now`; real and imaginary parts side by side.
    now : (m, 2)
        Offsets, y, x in pixels, about which was searched.
    pairs
        Of images and classes.
    parts : (turns, offsets, pairs)
        Posterior of each turn and offset.
    posterior : (m, classes + 1)
        Of each class; the last is that of empty images.
    """

    spectra: torch.Tensor
    now: torch.Tensor
    pairs: Pairs
    parts: torch.Tensor
    posterior: torch.Tensor

    def that_matter(self) -> Weighted:
        """Leave out pairs of no weight, where most pairs are such."""
        weighs = self.posterior[self.pairs.images, self.pairs.classes] > NEGLIGIBLE
        if 2 * int(weighs.sum()) > len(weighs):
            return self
        chosen = torch.zeros(self.posterior.shape[1] - 1, len(self.now), dtype=torch.bool)
        chosen[self.pairs.classes[weighs], self.pairs.images[weighs]] = True
        parts = self.parts[:, :, weighs]
        return Weighted(self.spectra, self.now, pairs_where(chosen), parts, self.posterior)


def averaged(given: Weighted, search: Search, grid: PolarGrid) -> tuple[torch.Tensor, torch.Tensor]:
    """Add up images.

    Returns
    -------
    signal : (classes, rings, turns)
        Images times their CTF over the noise power; 0 on rings that are not learned yet.
    squares
        Of the particles' offsets, pixels², y and x together.
    """
    frequencies, _, width = given.spectra.shape
    classes, count = given.posterior.shape[1] - 1, len(search.offsets)
    matrix = from_turns(search.turns, frequencies)
    weights = (matrix @ given.parts.flatten(1)).reshape(2, frequencies, count, -1)
    sums = torch.zeros(2, frequencies, count, classes, width)
    for block in given.pairs.blocks:
        own, some = block.of(given.spectra), block.classes.stop - block.classes.start
        for part in (0, 1):
            back = weights[part, :, :, block.place].reshape(frequencies, count * some, -1)
            added = torch.bmm(back, own).reshape(frequencies, count, some, width)
            sums[part, :, :, block.classes] = added
    whole = torch.view_as_complex(sums.reshape(*sums.shape[:-1], -1, 2))
    spectrum = (whole[0] + 1j * whole[1]).permute(1, 2, 3, 0)  # offsets, classes, rings
    samples = torch.fft.irfft(spectrum, n=grid.turns)
    phases = grid.phases(-search.offsets)[:, None, : samples.shape[2]]
    signal = torch.zeros(classes, grid.rings, grid.turns)
    signal[:, : samples.shape[2]] = grid.moved(samples, phases).sum(0)
    return signal, _squares(weights[:, :2], given, search.offsets)


def with_offsets(now: torch.Tensor, offsets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give what now · (offset, turned by φ) is made of: along · cos φ + across · sin φ.

    Parameters
    ----------
    now : (p, 2)
        y, x.
    offsets : (s, 2)
        y, x.

    Returns
    -------
    along, across : (s, p)
    """
    y, x = offsets[:, :1], offsets[:, 1:]
    return y * now[:, 0] + x * now[:, 1], x * now[:, 0] - y * now[:, 1]


def _squares(weights: torch.Tensor, given: Weighted, offsets: torch.Tensor) -> torch.Tensor:
    """Add up |now + turned offset|²; weights (2, 2, offsets, pairs) are cosine and sine sums."""
    now = given.now[given.pairs.images]
    along, across = with_offsets(now, offsets)
    own = now.square().sum(1) + offsets.square().sum(1)[:, None]
    mixed = along * weights[0, 1] + across * weights[1, 1]
    return (own * weights[0, 0] + 2 * mixed).sum()
