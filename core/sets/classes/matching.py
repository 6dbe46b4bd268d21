"""Averages of one mixture, laid on those of another."""

from __future__ import annotations

import math

import torch

from .polar import PolarGrid
from .search import COARSE_RINGS, disc

REACH = 4.0
"""Pixels that averages of one view lie apart, at most."""
FINER = 4
"""Turns that are tried in the end, for one sample of a ring."""


def laid_on(
    averages: torch.Tensor, others: torch.Tensor, carried: torch.Tensor, grid: PolarGrid
) -> torch.Tensor:
    """Choose for each average the one of the others that fits it best, and lay it on it.

    Only the first rings decide, so agreement on the rings beyond them is no result of the choice.

    Parameters
    ----------
    averages : (k, rings, turns)
        To be fitted.
    others : (j, rings, turns)
        To choose from.
    carried : (j, rings, turns)
        What is laid there in the place of the others.
    grid
        Where all are sampled.

    Returns
    -------
    laid : (k, rings, turns)
    """
    weights = grid.sample_areas[:COARSE_RINGS]
    energy = (others[:, :COARSE_RINGS].square().sum(-1) @ weights).sqrt().clamp(min=1e-20)
    coarse = disc(REACH, 1.0)
    laid = []
    for average in averages:
        fits = _fits(average, others, coarse, grid, grid.turns) / energy[:, None]
        place, choice, _ = _top(fits)
        near = coarse[place] + disc(0.75, 0.25)
        finer = _fits(average, others[choice : choice + 1], near, grid, FINER * grid.turns)
        place, _, turn = _top(finer)
        moved = grid.moved(carried[choice], grid.phases(near[place : place + 1])[0])
        laid.append(_turned(moved, 2 * math.pi * turn / (FINER * grid.turns)))
    return torch.stack(laid)


def _fits(
    average: torch.Tensor, others: torch.Tensor, offsets: torch.Tensor, grid: PolarGrid, turns: int
) -> torch.Tensor:
    """Give the products (offsets, others, turns) of an average with others, moved and turned."""
    moved = grid.moved(others, grid.phases(offsets)[:, None])
    weights = grid.sample_areas[:COARSE_RINGS, None]
    own = torch.fft.rfft(average[:COARSE_RINGS] * weights)
    spectra = torch.fft.rfft(moved[:, :, :COARSE_RINGS])
    fits: torch.Tensor = torch.fft.irfft((own * spectra.conj()).sum(2), n=turns)
    return fits * (turns / grid.turns)


def _top(fits: torch.Tensor) -> tuple[int, int, int]:
    """Give the place of the largest of some fits."""
    rest, last = divmod(int(fits.argmax()), fits.shape[2])
    return rest // fits.shape[1], rest % fits.shape[1], last


def _turned(samples: torch.Tensor, angle: float) -> torch.Tensor:
    """Turn a picture (rings, turns) by radians from x towards y."""
    spectrum = torch.fft.rfft(samples)
    phase = -angle * torch.arange(spectrum.shape[-1])
    turned: torch.Tensor = torch.fft.irfft(
        spectrum * torch.polar(torch.ones_like(phase), phase), n=samples.shape[-1]
    )
    return turned
