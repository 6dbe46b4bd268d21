"""The weights that make the combination of estimates come closest to the truth.

They are found in three steps: one weight for each estimate, drawn towards the safe estimate; then
weights that run over the rings; then weights of weak, medium and strong images. Each step goes away
from the one before as far as the images surely say so.
"""

from __future__ import annotations

import torch

from .combination import Weights, hats
from .equations import equations
from .stein import Products

PLACES = (0.15, 0.35, 0.6)
"""Parts of Nyquist, between which weights run straight."""
QUANTILES = (0.1, 0.5, 0.9)
"""Of the strength, at which there are weights."""
FREE, SPREADS = (1.0,), (0.0, 0.03, 0.1, 0.2, 0.4)
"""Tried standard deviations of the weights in the first step, and in the others."""
MOST = 1.5
"""Limit of a weight."""
COARSE = 4.0
"""Rings: coarser detail counts little. It is the brightness of the particle as a whole, most of the
energy, and next to nothing of what one wants to see."""
GAIN = 0.003
"""Part by which an estimate has to bring the result closer to the truth; else it is left out."""


def useful(seen: Products) -> list[int]:
    """Tell which estimates bring the result closer to the truth; the first always counts.

    Parameters
    ----------
    seen
        Products of `parts` of some hundred images or more.
    """
    kept = list(range(seen.image.shape[1]))
    reached = fitted(seen)[1]
    for number in reversed(kept[1:]):
        without = [other for other in kept if other != number]
        error = fitted(seen.parts(without))[1]
        if error <= reached + GAIN * abs(reached):
            kept, reached = without, error
    return kept


def best_weights(seen: Products, names: tuple[str, ...]) -> Weights:
    """Find the weights of several estimates.

    Parameters
    ----------
    seen
        Products of `parts` of some hundred images or more.
    names
        Of the estimates; the first is the safe one.
    """
    return Weights(names, *fitted(seen)[0])


def fitted(seen: Products) -> tuple[tuple[torch.Tensor, torch.Tensor], float]:
    """Fit weights.

    Returns
    -------
    strengths, table
        See `Weights`.
    error
        Mean squared error, less a constant.
    """
    rings, count = seen.image.shape[-1], seen.image.shape[1]
    fine = 1 - torch.exp(-0.5 * (torch.arange(rings, dtype=torch.float64) / COARSE).square())
    seen = seen.weighed(fine)
    knots = _knots(seen.strength)
    middle = len(knots) // 2
    even = torch.ones(rings, 1, dtype=torch.float64)
    along = hats(torch.linspace(0, 1, rings), torch.tensor(PLACES)).double()
    found = torch.zeros(1, count, 1, dtype=torch.float64)
    found[:, 0] = 1

    one = knots[middle : middle + 1]
    steps = [(one, even, FREE), (one, along, SPREADS), (knots, along, SPREADS)]
    for where, over, tried in steps if len(knots) > 1 else steps[:2]:
        told = equations(seen, where, over, found.expand(len(where), -1, over.shape[1]))
        found = told.likeliest(tried)
    weights = found.clamp(max=MOST)
    table = torch.einsum("mja,ra->mjr", weights, along)
    # What counts for the first part are all estimates together: each holds it.
    table = torch.cat([table.sum(1, keepdim=True), table[:, 1:]], dim=1)
    return (knots, table.float()), told.error(weights)


def _knots(strengths: torch.Tensor) -> torch.Tensor:
    """Give rising strengths; one alone where all images are about as strong."""
    knots = torch.quantile(strengths, torch.tensor(QUANTILES))
    return knots if bool((knots.diff() > 1e-3).all()) else knots[1:2]
