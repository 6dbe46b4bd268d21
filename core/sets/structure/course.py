"""How often, and with how many images at a time, a volume is improved."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Course:
    """A number of iterations.

    Attributes
    ----------
    iterations
        How many.
    batch
        Images of the first of them; of the last twice as many.
    last_ring
        That is compared.
    nats
        Sum over the iterations of the log-likelihood of an image (of each at most
        `learn.MOST_NATS`), from which on they are enough.
        Expectation-maximisation is the faster, the more an image says of its view.
    momentum
        Part of each change that is made once more, since each is too small where noise is strong.
    solvent
        Part of the iterations after which the volume is held weak where it shows none of the
        particle. A first blob does not tell where that is.
    """

    iterations: int
    batch: int
    last_ring: int
    nats: float = math.inf
    momentum: float = 0.92
    solvent: float = 1.0

    def images(self, part: float, among: int) -> int:
        """Give the images of an iteration after a part of all."""
        return min(among, int(self.batch * (1 + part)))

    def looks(self, among: int) -> int:
        """Give how many images are compared in all, at most."""
        return sum(self.images(k / self.iterations, among) for k in range(self.iterations))
