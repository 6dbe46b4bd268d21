"""Are the particles white or black? Told from the mean radial profile of a sample of images.

A particle's own density stands out from the background more than the fringes that the CTF lays
about it, in either direction, and its first fringe has the opposite sign and lies outside: the
larger excursion tells the contrast, and where it lies inside the other one a smaller difference
will do. A look at the centre alone would call hollow particles black.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..signal.background import ring_statistics
from ..signal.outliers import without_outliers

Profiles = npt.NDArray[np.float64]

BINS = 16
"""Rings of a profile, from the centre to the edge of the box."""
CERTAIN = 4.0
"""Standard errors by which one excursion must exceed the other to be believed."""
AGAINST_ALL = 6.0
"""The same for a stack that would be another colour than all the others together."""
LEANING = 2.5
"""The same for a choice that is told to be doubtful."""
AGAINST = 1.0
"""Log odds that a stack has another contrast than all others; from here on that is a doubt.

They count how rarely such a stack is expected."""
MIXED = 3.0
"""Gain of log-likelihood from which on some stacks are taken to have another contrast."""
RATIO = 2.0
"""How many times larger the excursion is, where it tells the contrast wherever they lie."""
RATIO_INSIDE = 1.25
"""The same where the larger excursion lies inside the smaller one, as particle and fringe do."""


@dataclass(frozen=True)
class Evidence:
    """What a sample of images tells about the contrast."""

    sign: int
    """1 for white and -1 for black particles, by the larger excursion of the mean profile."""
    excess: float
    """How far that excursion exceeds the other one, in standard errors."""
    ratio: float
    """The larger excursion over the other one."""
    inside: bool
    """Whether the larger one lies nearer to the centre."""

    def clear(self, errors: float = CERTAIN) -> bool:
        """Whether the sign is certain; `errors` are the standard errors that are asked for."""
        return self.excess >= errors and self.ratio >= (RATIO_INSIDE if self.inside else RATIO)

    @property
    def guess(self) -> int:
        """The sign where the evidence at least leans to it, else 1: RELION's convention."""
        return self.sign if self.clear(LEANING) else 1


@dataclass(frozen=True)
class Verdict:
    """The contrast of a stack."""

    sign: int
    """1 for white and -1 for black particles."""
    doubtful: bool
    """Whether the images do not settle it."""


def radial_profiles(images: npt.NDArray[np.float32]) -> Profiles:
    """Mean of each image in rings about its centre, above its background, in background sd.

    Outlying pixels do not count.

    Parameters
    ----------
    images : (n, box, box)

    Returns
    -------
    profiles : (k, BINS)
        k <= n: images without a usable background are left out.
    """
    raw = torch.from_numpy(images)
    mean, sd = ring_statistics(raw)
    box = raw.shape[-1]
    d = torch.arange(box) - box // 2
    ring = (d[:, None] ** 2 + d[None, :] ** 2).sqrt() * 2 * BINS / box
    inside = ring < BINS
    # The innermost ring has too few pixels to count by itself.
    index = ring[inside].long().clamp_min(1)
    known, _ = without_outliers((raw - mean) / sd)
    values = known[:, inside]
    total = torch.zeros(len(raw), BINS).index_add_(1, index, values)
    profiles = total / torch.bincount(index, minlength=BINS).clamp_min(1)
    profiles[:, 0] = profiles[:, 1]
    return np.asarray(profiles[torch.isfinite(profiles).all(dim=1)].double().numpy())


def weigh(profiles: Profiles) -> Evidence:
    """Weigh what the images of one kind tell.

    Parameters
    ----------
    profiles : (n, BINS)
        From `radial_profiles`.
    """
    if len(profiles) < 2:
        return Evidence(1, 0.0, 1.0, inside=False)
    mean = profiles.mean(axis=0)
    error = profiles.std(axis=0, ddof=1) / np.sqrt(len(profiles))
    error = np.maximum(error, 1e-12)
    bright, dark = int((mean - error).argmax()), int((mean + error).argmin())
    heights = max(0.0, mean[bright] - error[bright]), max(0.0, -mean[dark] - error[dark])
    sign = 1 if heights[0] >= heights[1] else -1
    larger, smaller = max(heights), min(heights)
    main, other = (bright, dark) if sign == 1 else (dark, bright)
    # Where there is no excursion the other way, the errors are those of the one alone.
    rest = error[other] if smaller > 0 else 0.0
    excess = _normal((larger - smaller) / np.hypot(error[main], rest), len(profiles) - 1)
    ratio = larger / smaller if smaller > 0 else np.inf
    return Evidence(sign, excess, float(ratio), inside=main < other)


def _normal(t: float, freedom: int) -> float:
    """Turn Student's t of few images into standard errors that are as unlikely (Wallace 1959)."""
    factor = (8 * freedom + 1) / (8 * freedom + 3)
    return float(np.sign(t) * factor * np.sqrt(freedom * np.log1p(t * t / freedom)))


def judge(stacks: Sequence[Profiles]) -> list[Verdict]:
    """Tell the contrast of several stacks, each by itself as far as its images allow.

    What the images of a stack alone do not settle is told from their likeness to those that are
    settled. Where there is little to be seen at all, a stack is taken as all the others. That is
    doubtful where its images speak against it: a join may hold few images of another colour. One
    such stack is expected, or more where all of them together say so.

    Parameters
    ----------
    stacks
        Profiles (n, BINS) of each.
    """
    own = [weigh(profiles) for profiles in stacks]
    whole = weigh(np.concatenate([*stacks, np.empty((0, BINS))]))
    common = whole.sign if whole.clear() else 0
    settled = [e.sign if e.clear(AGAINST_ALL if e.sign == -common else CERTAIN) else 0 for e in own]
    signs = settled if any(settled) else [common] * len(stacks)
    one_kind = sum({*signs} - {0})  # 0 where there are both kinds, or none
    white = [sign * profiles for sign, profiles in zip(signs, stacks, strict=True) if sign]
    known = np.concatenate([*white, np.empty((0, BINS))])
    template = known.mean(axis=0) if len(known) else np.zeros(BINS)
    odds = one_kind * _odds(stacks, known, template)
    against = -odds - _odds_expected(odds)
    verdicts = []
    for sign, profiles, other in zip(settled, stacks, against, strict=True):
        likeness = 0.0 if sign else _likeness(profiles, template)
        if sign or abs(likeness) >= CERTAIN:
            verdicts.append(Verdict(sign or int(np.sign(likeness)), doubtful=False))
        elif one_kind and other < AGAINST:
            verdicts.append(Verdict(one_kind, doubtful=False))
        elif abs(likeness) >= LEANING:
            verdicts.append(Verdict(int(np.sign(likeness)), doubtful=True))
        elif one_kind and other >= LEANING:
            verdicts.append(Verdict(-one_kind, doubtful=True))
        else:
            verdicts.append(Verdict(whole.guess, doubtful=True))
    return verdicts


def _odds(
    stacks: Sequence[Profiles], white: Profiles, template: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Log odds of white over black of each stack, from its images' projections on a template.

    Few images say less than many: their projections are weighed by what white images have.
    """
    totals = np.array([(profiles @ template).sum() for profiles in stacks])
    known = white @ template
    if len(known) < 2 or not known.std() > 0:
        return 0 * totals
    return 2 * totals * float(known.mean() / known.var())


def _odds_expected(odds: npt.NDArray[np.float64]) -> float:
    """Log odds that a stack has the common colour, before its images are looked at.

    Parameters
    ----------
    odds : (n,)
        Log odds of the common colour over the other one, from the images of each stack.
    """
    n = max(1, len(odds))
    fewest = float(np.log(n))
    share, other = 0.5, np.exp(np.clip(-odds, -50, 50))
    for _ in range(50):  # expectation and maximum: the share that explains all stacks best
        share = float((share * other / (1 - share + share * other)).mean()) if len(odds) else 0.0
    gain = float(np.log1p(share * (other - 1)).sum())
    if gain < MIXED or share <= 1 / n:
        return fewest
    return float(np.log((1 - share) / share))


def _likeness(profiles: Profiles, template: npt.NDArray[np.float64]) -> float:
    """Mean projection of images on a template (BINS,), in standard errors."""
    values = profiles @ template
    if len(values) < 2 or not values.std() > 0:
        return 0.0
    error = values.std(ddof=1) / np.sqrt(len(values))
    return _normal(float(values.mean() / error), len(values) - 1)
