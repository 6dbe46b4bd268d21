"""How well images fit what their set says of them, and what is usual in the set.

A set may hold something else than most of its particles. Such an image fits none of the views that
the set has taught, or fits them worse than is usual for images as strong as it. It then gets less
of the estimate by these views, or nothing of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch

from .combination import hats

LEAST = 1.0
"""Evidence of the safe estimate, at the least."""
GOOD = 0.1
"""Part of a set's images whose fit is not good. They get less of the views, the worse they fit. An
image gets nothing where it lies twice as far below the median as the limit of a good fit does."""
BEYOND = 0.3
"""An image that is stronger than all others by so much (log10) surely shows something else."""
GROUPS = 3
"""Of images of about the same strength, each with its own limits."""
FEWEST = 64
"""Images from which on it is known what is usual."""


class Fit(NamedTuple):
    """What some images say of views.

    Attributes
    ----------
    evidence : (n,)
        For the views.
    other : (n,)
        For the safe estimate, which knows no views: how strong the images are.
    """

    evidence: torch.Tensor
    other: torch.Tensor

    @property
    def strength(self) -> torch.Tensor:
        """(n,) on a logarithmic scale."""
        return self.other.clamp(min=LEAST).log10()

    @property
    def ratio(self) -> torch.Tensor:
        """(n,) evidence for the views by that for the safe estimate."""
        return self.evidence / self.other.clamp(min=LEAST)


@dataclass(frozen=True)
class Usual:
    """Which fits are usual in a set.

    Attributes
    ----------
    strengths : (m,)
        Rising.
    bad, good : (m,)
        Ratios of images of each strength, below which nothing of an estimate counts, and from which
        on all of it.
    strongest
        Strength of the strongest image.
    """

    strengths: torch.Tensor
    bad: torch.Tensor
    good: torch.Tensor
    strongest: torch.Tensor

    def share(self, fit: Fit) -> torch.Tensor:
        """Tell how much of the estimate each image supports, (n,) from 0 to 1."""
        about = hats(fit.strength, self.strengths)
        bad, good = about @ self.bad, about @ self.good
        beyond = (fit.strength - self.strongest) / BEYOND
        return ((fit.ratio - bad) / (good - bad)).clamp(0, 1) * (1 - beyond).clamp(0, 1)

    def table(self) -> torch.Tensor:
        """Give all numbers, (4, m)."""
        return torch.stack([
            self.strengths, self.bad, self.good, self.strongest.expand_as(self.bad)
        ])  # fmt: skip

    def to(self, device: torch.device | str) -> Usual:
        """Give the same on another device."""
        return usual_from(self.table().to(device))


def usual_from(table: torch.Tensor) -> Usual:
    """Give that of which `Usual.table` told; ValueError where none did."""
    strengths, bad, good, strongest = table
    made = Usual(strengths, bad, good, strongest[0])
    rising = bool((strengths.diff() > 0).all() and (good > bad).all())
    if not rising or not torch.isfinite(table).all():
        raise ValueError("the usual fits are out of range")
    return made


def usual(fit: Fit) -> Usual | None:
    """Tell what is usual from images of a set; None where they are fewer than `FEWEST`."""
    if len(fit.evidence) < FEWEST:
        return None
    groups = torch.tensor_split(fit.strength.argsort(), GROUPS)
    strengths = torch.stack([fit.strength[rows].median() for rows in groups])
    if bool((strengths.diff() < 1e-3).any()):
        groups, strengths = (torch.cat(groups),), strengths[1:2]
    ends = torch.tensor([GOOD, 0.5], device=strengths.device)
    good, middle = torch.stack([fit.ratio[rows].quantile(ends) for rows in groups], dim=1)
    bad = good - (middle - good).clamp(min=1e-3)
    return Usual(strengths, bad, good, fit.strength.max())
