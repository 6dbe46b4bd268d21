"""What images say of the weights of estimates, how surely, and the likeliest weights.

The mean squared error of Σ a e is aᵀ M a - 2 vᵀ a plus what does not depend on a, and Stein's
identity gives v without the truth. v is known roughly: images are few, and the noise's power in a
ring is never known exactly. So v is taken for M a plus an error, and a for a normal variable about
weights that were known before. How far it may lie from them is what makes v likeliest (empirical
Bayes, Efron and Morris, J. Am. Stat. Assoc. 68 (1973)). Weights are not negative, as they are in
stacked regressions (Breiman, Mach. Learn. 24 (1996)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from scipy.optimize import nnls

from .combination import hats
from .stein import Products

DOUBT = 0.06
"""Standard error of the noise's power in each ring, as a part of it."""
ALIKE = 4.0
"""Factor on the variance that images have if each is drawn alone. They are not: they share their
micrographs, ice and views."""
_FLOOR = 1e-6


@dataclass(frozen=True)
class Equations:
    """The error aᵀ M a - 2 vᵀ a, and how well v is known.

    Attributes
    ----------
    matrix, covariance : (size, size)
        M, and the covariance of v's errors.
    vector : (size,)
    start : (strengths, estimates, places)
        Weights that were known before; all others are in this order, too.
    """

    matrix: torch.Tensor
    covariance: torch.Tensor
    vector: torch.Tensor
    start: torch.Tensor

    def error(self, weights: torch.Tensor) -> float:
        """Give the mean squared error, less a constant, with some weights."""
        a = weights.flatten()
        return float(a @ self.matrix @ a - 2 * self.vector @ a)

    def likeliest(self, spreads: Sequence[float]) -> torch.Tensor:
        """Give the likeliest weights; one of the spreads about the start is taken, 0 for none."""
        evidence = torch.tensor([self._evidence(spread) for spread in spreads])
        spread = spreads[int(evidence.argmax())]
        if spread == 0:
            return self.start
        start, root = self.start.flatten(), torch.linalg.cholesky(self.covariance)
        sides = torch.column_stack([self.matrix, self.vector])
        white = torch.linalg.solve_triangular(root, sides, upper=False)
        matrix = torch.cat([white[:, :-1], torch.eye(len(start)) / spread])
        vector = torch.cat([white[:, -1], start / spread])
        found = nnls(matrix.numpy(), vector.numpy(), maxiter=100 * len(start))[0]
        return torch.from_numpy(found).reshape(self.start.shape)

    def _evidence(self, spread: float) -> float:
        """Give the logarithm of the likelihood of v where weights have a spread."""
        covariance = self.covariance + spread**2 * (self.matrix @ self.matrix.T)
        root = torch.linalg.cholesky(covariance)
        apart = (self.vector - self.matrix @ self.start.flatten())[:, None]
        white = torch.linalg.solve_triangular(root, apart, upper=False)
        return -float(root.diagonal().log().sum() + 0.5 * white.square().sum())


def equations(
    seen: Products, knots: torch.Tensor, along: torch.Tensor, start: torch.Tensor
) -> Equations:
    """Set up the equations of the weights of estimates.

    Parameters
    ----------
    seen
        Products of `parts`.
    knots : (strengths,)
        See `hats`.
    along : (rings, places)
        How weights at some places make those of the rings.
    start : (strengths, estimates, places)
        Of the estimates themselves, in which the first part is in all.
    """
    count = len(start[0])
    base = torch.eye(count, dtype=torch.float64)
    base[0] = 1  # each estimate is the first part and its difference from it
    own, probed = (hats(each, knots).double() for each in (seen.strength, seen.strength_probed))

    def placed(products: torch.Tensor) -> torch.Tensor:
        return torch.einsum("njr,ra,jp->npa", products, along, base).flatten(1)

    still = own[..., None] * placed(seen.still)[:, None]
    vectors = (still - probed[..., None] * placed(seen.moved)[:, None]).flatten(1)
    squares = torch.einsum("njkr,ra,rb,jp,kq->npaqb", seen.squares, along, along, base, base)
    squares = squares.flatten(1, 2).flatten(2)  # (n, estimates places, estimates places)
    matrix = torch.einsum("nm,nl,nxy->mxly", own, own, squares)
    made = torch.einsum("nxy,nl,ly->nx", squares, own, start.flatten(1))
    apart = vectors - (own[..., None] * made[:, None]).flatten(1)
    apart = apart - apart.mean(0)
    noise = torch.einsum("nm,njr->mjr", probed, seen.moved)
    noise -= torch.einsum("nm,njr->mjr", own, seen.still - seen.image)
    doubt = DOUBT * torch.einsum("mjr,ra,jp->mpar", noise, along, base).flatten(0, 2)
    covariance = ALIKE * apart.T @ apart + doubt @ doubt.T
    sizes = covariance.diagonal()
    covariance = covariance + _FLOOR * sizes.clamp(min=_FLOOR * float(sizes.max())).diag()
    size = start.numel()
    return Equations(matrix.reshape(size, size), covariance, vectors.sum(0), start)
