"""Some particles before and after denoising, for pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Images = npt.NDArray[np.float32]

EACH = 3
"""Particles of a group."""


@dataclass(frozen=True)
class Sample:
    """Some particles of one pixel size, in units of the raw background's sd, white particles."""

    raw: Images
    """(n, box, box)."""
    denoised: Images
    pixel_size: float
    """Å."""
    numbers: npt.NDArray[np.int64] | None = None
    """(n,) rows of the particles in their table, from 1; None for 1, 2, 3 …"""
    confidences: npt.NDArray[np.float64] | None = None
    """(n,) where they are known."""
    contrast: int = 1
    """-1 where the particles are black on disk."""

    def __len__(self) -> int:
        return len(self.raw)

    @property
    def scores(self) -> npt.NDArray[np.float64]:
        """(n,) by which best and worst are told: the confidence, else the sd.

        That is the standard deviation of the denoised image, in units of the raw background's: next
        to nothing where the network found no particle.
        """
        if self.confidences is not None:
            return self.confidences
        return np.asarray(self.denoised.std(axis=(1, 2)), dtype=np.float64)

    @property
    def score_name(self) -> str:
        """What `scores` are, in one short word."""
        return "sd" if self.confidences is None else "conf."

    @property
    def score_words(self) -> str:
        """What `scores` are, in a few words."""
        if self.confidences is not None:
            return "confidence"
        return "of the denoised image (the raw background has 1)"

    def number(self, place: int) -> int:
        """Row of a particle in its table, from 1."""
        return place + 1 if self.numbers is None else int(self.numbers[place])

    def groups(self) -> dict[str, list[int]]:
        """Places of the best, of random and of the worst particles, by `scores`.

        A sample that is too small for three groups is one.
        """
        order = np.argsort(-self.scores, kind="stable")
        if len(order) <= 3 * EACH:
            return {"all, best first": order.tolist()}
        middle = np.sort(order[EACH:-EACH])
        drawn = np.random.default_rng(0).choice(middle, EACH, replace=False)
        return {
            f"best of {len(order)}": order[:EACH].tolist(),
            "at random": np.sort(drawn).tolist(),
            f"worst of {len(order)}": order[-EACH:].tolist(),
        }
