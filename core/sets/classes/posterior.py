"""What images say of their class, turn and offset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .pairs import Pairs, pairs_where

NOTHING = -80.0
"""Taken for the logarithm of 0: exponentials of less are subnormal numbers, and slow."""
NEGLIGIBLE = 1e-4
"""Posterior of a class below which an image adds nothing to it."""


@dataclass(frozen=True)
class Posterior:
    """The posterior of m images.

    Attributes
    ----------
    spectra : (frequencies, m, 2 · rings)
        Of the images times their CTF over the noise power, moved back by `now`; real and imaginary
        parts side by side.
    now : (m, 2)
        Offsets, y, x in pixels, about which was searched.
    pairs
        Of images and classes that were compared.
    parts : (turns, offsets, pairs)
        Posterior of each class, turn and offset.
    classes : (m, classes + 1)
        Posterior of each class; the last is that of empty images.
    log_likelihood : (m,)
        Over that of noise alone.
    """

    spectra: torch.Tensor
    now: torch.Tensor
    pairs: Pairs
    parts: torch.Tensor
    classes: torch.Tensor
    log_likelihood: torch.Tensor

    def that_matters(self) -> Posterior:
        """Leave out pairs of no weight, where most pairs are such."""
        weighs = self.classes[self.pairs.images, self.pairs.classes] > NEGLIGIBLE
        if 2 * int(weighs.sum()) > len(weighs):
            return self
        chosen = torch.zeros(self.classes.shape[1] - 1, len(self.now), dtype=torch.bool)
        chosen[self.pairs.classes[weighs], self.pairs.images[weighs]] = True
        return replace(self, pairs=pairs_where(chosen), parts=self.parts[:, :, weighs])
