"""The weights that make the combination of estimates come closest to the truth.

The mean squared error of Σ w d is Σ w w' <d, d'> - 2 Σ w <d, x> plus what does not depend on w, and
Stein's identity gives <d, x> without x. Weights are smooth over rings. They are drawn towards those
of the safe estimate, as far as images that the weights were not made from say that this is better.
"""

from __future__ import annotations

import torch

from .combination import Weights, hats
from .stein import Products

RINGS = (0.0, 0.06, 0.12, 0.18, 0.26, 0.36, 0.5, 0.7, 1.0)
"""Between these parts of Nyquist, weights run straight."""
QUANTILES = (0.1, 0.5, 0.9)
"""Of the strength, at which there are weights."""
FOLDS = 4
PULLS = (1e-3, 1e-2, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 100.0)
"""Tried pulls towards what weights start from, as parts of each term's own size."""
LEAST, MOST = -0.5, 1.5
"""Limits of a weight."""


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
        risk = fitted(seen.parts(without))[1]
        if risk <= reached + GAIN * abs(reached):
            kept, reached = without, risk
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
    risk
        Mean squared error, less a constant, on images that the weights were not made from.
    """
    rings, count = seen.image.shape[-1], seen.image.shape[1]
    knots = _knots(seen.strength)
    along = hats(torch.linspace(0, 1, rings), torch.tensor(RINGS)).double()
    safe = torch.zeros(1, count, along.shape[1], dtype=torch.float64)
    safe[:, 0] = 1
    # First those of all strengths together, which are drawn towards the safe estimate; then those
    # of each strength, which are drawn towards the first ones.
    middle = len(knots) // 2
    found, risk = _drawn(seen, knots[middle : middle + 1], along, safe)
    if len(knots) > 1:
        found, risk = _drawn(seen, knots, along, found.repeat(len(knots), 1, 1))
    table = torch.einsum("mja,ra->mjr", found.clamp(LEAST, MOST), along)
    return (knots, _held(table).float()), risk


def _held(table: torch.Tensor) -> torch.Tensor:
    """Let the differences (m, 1 and more, rings) from the safe estimate count no more than itself.

    Else the safe estimate would be taken off where the others agree, and an image that shows
    something else than the set would come out as its opposite.
    """
    safe, others = table[:, :1], table[:, 1:]
    together = others.sum(1, keepdim=True)
    part = torch.where(together > 0, safe.clamp(min=0) / together.clamp(min=1e-9), 1.0)
    return torch.cat([safe, others * part.clamp(max=1)], dim=1)


def _drawn(
    seen: Products, knots: torch.Tensor, along: torch.Tensor, start: torch.Tensor
) -> tuple[torch.Tensor, float]:
    """Fit weights (strengths, estimates, places along the rings) that are drawn towards `start`."""
    folds = [_system(seen.take(rows), knots, along) for rows in _folds(len(seen))]
    risks = [_risk_of(pull, folds, start.flatten()) for pull in PULLS]
    chosen = int(torch.tensor(risks).argmin())
    matrix, vector = (torch.stack(parts).sum(0) for parts in zip(*folds, strict=True))
    return _solved(matrix, vector, start.flatten(), PULLS[chosen]).reshape(start.shape), risks[
        chosen
    ]


def _folds(n: int) -> list[torch.Tensor]:
    return [torch.arange(first, n, FOLDS) for first in range(FOLDS)]


def _knots(strengths: torch.Tensor) -> torch.Tensor:
    """Give rising strengths; one alone where all images are about as strong."""
    knots = torch.quantile(strengths, torch.tensor(QUANTILES))
    return knots if bool((knots.diff() > 1e-3).all()) else knots[1:2]


def _system(
    seen: Products, knots: torch.Tensor, along: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the matrix and the vector of the risk wᵀ M w - 2 vᵀ w of some images."""
    shares = hats(seen.strength, knots).double()
    shares_probed = hats(seen.strength_probed, knots).double()
    vector = torch.einsum("mjr,ra->mja", seen.truth(shares, shares_probed), along).flatten()
    both = (shares[:, :, None] * shares[:, None, :]).flatten(1)
    j, rings = seen.image.shape[1:]
    squares = (both.T @ seen.squares.flatten(1)).reshape(len(knots), len(knots), j, j, rings)
    matrix = torch.einsum("mnjkr,ra,rb->mjankb", squares, along, along)
    return matrix.reshape(len(vector), len(vector)), vector


def _solved(
    matrix: torch.Tensor, vector: torch.Tensor, start: torch.Tensor, pull: float
) -> torch.Tensor:
    size = matrix.diagonal()
    pulls = pull * size + 1e-9 * size.max().clamp(min=1e-30)
    step: torch.Tensor = torch.linalg.solve(matrix + pulls.diag(), vector - matrix @ start)
    return start + step


def _risk_of(
    pull: float, folds: list[tuple[torch.Tensor, torch.Tensor]], start: torch.Tensor
) -> float:
    """Judge a pull by images that the weights were not made from."""
    matrices, vectors = torch.stack([m for m, _ in folds]), torch.stack([v for _, v in folds])
    total = 0.0
    for matrix, vector in folds:
        weights = _solved(matrices.sum(0) - matrix, vectors.sum(0) - vector, start, pull)
        total += float(weights @ matrix @ weights - 2 * vector @ weights)
    return total
