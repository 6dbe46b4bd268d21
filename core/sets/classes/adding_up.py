"""What images add up to, turned and moved back and weighted by their posterior."""

from __future__ import annotations

import torch

from .polar import PolarGrid
from .posterior import Posterior
from .search import AT_ONCE, Search, from_turns

SUMMED = 2048
"""Products of classes and offsets that images are added up for at the same time."""


def averaged(
    found: Posterior, search: Search, grid: PolarGrid
) -> tuple[torch.Tensor, torch.Tensor]:
    """Add up images.

    Returns
    -------
    signal : (classes, rings, turns)
        Images times their CTF over the noise power; 0 on rings that are not learned yet.
    squares
        Of the particles' offsets, pixels², y and x together.
    """
    frequencies, _, width = found.spectra.shape
    classes, count = found.classes.shape[1] - 1, len(search.offsets)
    matrix = from_turns(search.turns, frequencies)
    weights = (matrix @ found.parts.flatten(1)).reshape(2, frequencies, count, -1)
    signal = torch.zeros(classes, grid.rings, grid.turns)
    for some in torch.split(torch.arange(count), max(1, SUMMED // classes)):
        sums = torch.zeros(2, frequencies, len(some), classes, width)
        for block in found.pairs.blocks:
            own, members = block.of(found.spectra), block.classes.stop - block.classes.start
            for part in (0, 1):
                back = weights[part, :, some[0] : some[-1] + 1, block.place]
                back = back.reshape(frequencies, len(some) * members, -1)
                added = torch.bmm(back, own).reshape(frequencies, len(some), members, width)
                sums[part, :, :, block.classes] = added
        _move_back(sums, search.offsets[some], grid, signal)
    return signal, _squares(weights[:, :2], found, search.offsets)


def _move_back(
    sums: torch.Tensor, offsets: torch.Tensor, grid: PolarGrid, signal: torch.Tensor
) -> None:
    """Add images of some offsets, (2, frequencies, offsets, classes, 2 · rings), to `signal`."""
    whole = torch.view_as_complex(sums.reshape(*sums.shape[:-1], -1, 2))
    classes, rings = whole.shape[3:]
    phases = grid.phases(-offsets)[:, None, :rings]
    for some in torch.split(torch.arange(len(phases)), max(1, AT_ONCE // classes)):
        spectrum = whole[0, :, some] + 1j * whole[1, :, some]
        samples = torch.fft.irfft(spectrum.permute(1, 2, 3, 0), n=grid.turns)
        signal[:, :rings] += grid.moved(samples, phases[some]).sum(0)


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


def _squares(weights: torch.Tensor, found: Posterior, offsets: torch.Tensor) -> torch.Tensor:
    """Add up |now + turned offset|²; weights (2, 2, offsets, pairs) are cosine and sine sums."""
    now = found.now[found.pairs.images]
    along, across = with_offsets(now, offsets)
    own = now.square().sum(1) + offsets.square().sum(1)[:, None]
    mixed = along * weights[0, 1] + across * weights[1, 1]
    return (own * weights[0, 0] + 2 * mixed).sum()
