"""Several estimates of the same images put together, ring by ring and by strength of signal.

The first estimate is the safe one. Of the others, the difference from the first is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch

from ...signal.fourier import fourier_resize
from ...signal.spectrum import radial_index


@dataclass(frozen=True)
class Weights:
    """How much of each part goes into the result.

    Attributes
    ----------
    names
        Of the estimates.
    strengths : (m,)
        Rising; images between two of them get weights between theirs.
    table : (m, estimates, rings)
        Weights of the first estimate, and of the others' differences from it.
    """

    names: tuple[str, ...]
    strengths: torch.Tensor
    table: torch.Tensor

    def to(self, device: torch.device | str) -> Weights:
        """Give the same on another device."""
        return replace(self, strengths=self.strengths.to(device), table=self.table.to(device))


def parts(estimates: Sequence[torch.Tensor]) -> torch.Tensor:
    """Give what weights are for: the first estimate, and how the others differ from it.

    Parameters
    ----------
    estimates : (n, b, b) each
        In units of the background's sd; those after the first may have fewer pixels, the field
        of view being the same. They then say nothing about finer detail.

    Returns
    -------
    parts : (n, estimates, box, box)
    """
    first = estimates[0]
    box = first.shape[-1]
    found = [first]
    for other in estimates[1:]:
        apart = other - fourier_resize(first, other.shape[-1])
        found.append(fourier_resize(apart, box))
    return torch.stack(found, dim=1)


def strength(first: torch.Tensor) -> torch.Tensor:
    """Tell how much the safe estimates (n, box, box) show: log10 of the mean square, (n,)."""
    return first.square().mean(dim=(1, 2)).clamp(min=1e-12).log10()


def hats(values: torch.Tensor, knots: torch.Tensor) -> torch.Tensor:
    """Give the weights (n, m) by which values (n,) lie between rising knots (m,)."""
    if len(knots) == 1:
        return torch.ones(len(values), 1, device=values.device)
    inside = values.clamp(knots[0], knots[-1])
    right = torch.searchsorted(knots, inside.contiguous()).clamp(1, len(knots) - 1)
    low, high = knots[right - 1], knots[right]
    share = (inside - low) / (high - low)
    made = torch.zeros(len(values), len(knots), device=values.device)
    made.scatter_(1, (right - 1)[:, None], (1 - share)[:, None])
    made.scatter_(1, right[:, None], share[:, None])
    return made


def combined(found: torch.Tensor, weights: Weights) -> torch.Tensor:
    """Put `parts` together, (n, box, box)."""
    box = found.shape[-1]
    shares = hats(strength(found[:, 0]), weights.strengths)
    gains = torch.einsum("nm,mjr->njr", shares, weights.table)
    index = radial_index(box, weights.table.shape[-1], found.device)
    spectra = (torch.fft.rfft2(found) * gains[:, :, index]).sum(1)
    made: torch.Tensor = torch.fft.irfft2(spectra, s=(box, box))
    return made
