"""What images add up to, turned and moved back and weighted by their posterior."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from .pairs import Block
from .polar import PolarGrid
from .posterior import Posterior
from .search import Search, from_turns

AT_ONCE = 256
"""Products of classes and offsets that are added up at the same time: more take much memory."""


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
    frequencies = len(found.spectra)
    classes, count = found.classes.shape[1] - 1, len(search.offsets)
    matrix = from_turns(search.turns, frequencies)
    weights = (matrix @ found.parts.flatten(1)).reshape(2, frequencies, count, -1)
    signal = torch.zeros(classes, grid.rings, grid.turns)
    for blocks in _gathered(found.pairs.blocks, AT_ONCE // count):
        owns = [block.of(found.spectra) for block in blocks]
        among = slice(blocks[0].classes.start, blocks[-1].classes.stop)
        step = max(1, AT_ONCE // (among.stop - among.start))
        for first in range(0, count, step):
            some = slice(first, first + step)
            moved = _moved_back(
                _sums(blocks, owns, weights[:, :, some]), search.offsets[some], grid
            )
            signal[among, : moved.shape[1]] += moved
    return signal, _squares(weights[:, :2], found, search.offsets)


def _gathered(blocks: Sequence[Block], most: int) -> Iterator[list[Block]]:
    """Put neighbouring blocks together, with at most so many classes; one block may have more."""
    some: list[Block] = []
    for block in blocks:
        if some and block.classes.stop - some[0].classes.start > most:
            yield some
            some = []
        some.append(block)
    if some:
        yield some


def _sums(
    blocks: Sequence[Block], owns: Sequence[torch.Tensor], weights: torch.Tensor
) -> torch.Tensor:
    """Add up the images of neighbouring blocks: (2, frequencies, offsets, classes, 2 · rings).

    Parameters
    ----------
    blocks
        Which images, and which classes.
    owns
        The spectra of each block's images.
    weights : (2, frequencies, offsets, pairs)
        Of all pairs, turned back.
    """
    _, frequencies, count, _ = weights.shape
    start, width = blocks[0].classes.start, owns[0].shape[-1]
    sums = torch.zeros(2, frequencies, count, blocks[-1].classes.stop - start, width)
    for block, own in zip(blocks, owns, strict=True):
        each = slice(block.classes.start - start, block.classes.stop - start)
        shape = (frequencies, count, each.stop - each.start, width)
        for part in (0, 1):
            back = weights[part][..., block.place].reshape(frequencies, shape[1] * shape[2], -1)
            sums[part, :, :, each] = torch.bmm(back, own).reshape(shape)
    return sums


def _moved_back(sums: torch.Tensor, offsets: torch.Tensor, grid: PolarGrid) -> torch.Tensor:
    """Add up images of some offsets: (2, frequencies, offsets, classes, 2 · rings) to `signal`."""
    whole = torch.view_as_complex(sums.reshape(*sums.shape[:-1], -1, 2))
    spectrum = (whole[0] + 1j * whole[1]).permute(1, 2, 3, 0)
    phases = grid.phases(-offsets)[:, None, : spectrum.shape[2]]
    return grid.moved(torch.fft.irfft(spectrum, n=grid.turns), phases).sum(0)


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
