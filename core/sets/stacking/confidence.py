"""How far to trust each result, told by its strength and learned from the set's own images.

A result is a mean over all that an image may show. The less the image says, the weaker is the
mean. So a rising table turns the strength of a result e into the correlation with the truth x that
is expected of it. The table is made without the truth: Stein's identity (see `stein`) gives the
mean of any function of the image times <e, x>.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.optimize import isotonic_regression

from .combination import hats
from .region import Region, circle
from .stein import EPSILON

QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Of the strength, at which the table has a row."""
SLOPE = 0.01
"""By which values rise with the strength at the least, so that stronger results rank higher."""
LEAST_SIGNAL = 0.5
"""Part of the mean energy of the truth that is taken for that of images of one strength, at the
least: empty images have none."""


@dataclass(frozen=True)
class Confidence:
    """Tells the correlation with the truth that is expected of a result.

    Attributes
    ----------
    radius
        Of the circle about the particle, pixels.
    strengths, values : (m,)
        Rising; straight lines run between them.
    """

    radius: float
    strengths: torch.Tensor
    values: torch.Tensor

    def of(self, result: torch.Tensor) -> torch.Tensor:
        """Tell it of results (n, box, box), (n,) from 0 to 1."""
        strength = _strength(circle(result.shape[-1], self.radius).inside(result))
        known = (hats(strength, self.strengths) * self.values).sum(1)
        # Weaker than the images of the set: it falls as the length of the result does.
        return known * (0.5 * (strength - self.strengths[0]).clamp(max=0)).exp()

    def table(self) -> torch.Tensor:
        """Give strengths and values, (2, m)."""
        return torch.stack([self.strengths, self.values])

    def to(self, device: torch.device | str) -> Confidence:
        """Give the same on another device."""
        return Confidence(self.radius, *self.table().to(device))


def confidence_from(radius: float, table: torch.Tensor) -> Confidence:
    """Give that of which `Confidence.table` told; ValueError where none did."""
    made = Confidence(radius, *table)
    rising = bool((made.strengths.diff() > 0).all() and (made.values.diff() >= 0).all())
    inside = bool(((made.values >= 0) & (made.values <= 1)).all())
    if not rising or not inside or not radius > 1 or not torch.isfinite(table).all():
        raise ValueError("the confidence is out of range")
    return made


@dataclass(frozen=True)
class Witness:
    """What n images say, as they are and with ε of probes n' added.

    Attributes
    ----------
    strength, strength_probed : (n,)
        Of the results.
    result, image : (n, 3)
        <u, y>, <n', u(y)> and <n', u(y + ε n')>, where u is the result with length 1, or y itself.
    """

    strength: torch.Tensor
    strength_probed: torch.Tensor
    result: torch.Tensor
    image: torch.Tensor


def witness(
    images: torch.Tensor,
    probes: torch.Tensor,
    results: tuple[torch.Tensor, torch.Tensor],
    region: Region,
) -> Witness:
    """Ask some images.

    Parameters
    ----------
    images, probes : (n, box, box)
    results
        Of the images, and of the images with ε of the probes.
    region
        Within which they are judged.
    """
    image, probe = region.inside(images), region.inside(probes)
    made = [region.inside(each) for each in results]
    unit = [each / (0.5 * _strength(each)).exp()[:, None, None] for each in made]
    moved = image + EPSILON * probe
    return Witness(
        _strength(made[0]),
        _strength(made[1]),
        torch.stack([_dot(unit[0], image), *(_dot(each, probe) for each in unit)], dim=1).double(),
        torch.stack([_dot(image, image), _dot(image, probe), _dot(moved, probe)], dim=1).double(),
    )


def confidence(several: list[Witness], radius: float, energy: float) -> Confidence | None:
    """Learn from images of a set; None where they do not show more than their noise.

    Parameters
    ----------
    several
        What the images say.
    radius
        Of the circle in which they were asked, pixels.
    energy
        Mean of <x, x> in it, of all images of the set.
    """
    if energy <= 0:
        return None
    strength, probed, result, image = (
        torch.cat([getattr(each, name) for each in several])
        for name in ("strength", "strength_probed", "result", "image")
    )
    knots = torch.quantile(strength, torch.tensor(QUANTILES))
    knots = knots[torch.cat([torch.ones(1, dtype=torch.bool), knots.diff() > 1e-3])]
    shares, shares_probed = (hats(each, knots).double() for each in (strength, probed))
    count = shares.mean(0)
    along, signal = (_truth(shares, shares_probed, each) / count for each in (result, image))
    signal = signal - (signal * count).sum() + energy  # all images know it better than these
    known = along / signal.clamp(min=LEAST_SIGNAL * energy).sqrt()
    least = SLOPE * (knots - knots[-1]).double()
    rising = isotonic_regression((known - least).numpy(), weights=count.numpy()).x
    return Confidence(radius, knots, (torch.from_numpy(rising) + least).clamp(0, 1).float())


def _truth(shares: torch.Tensor, shares_probed: torch.Tensor, told: torch.Tensor) -> torch.Tensor:
    """Give the means (m,) of shares (n, m) times <u, x>, by Stein's identity."""
    seen, before, after = told.T[..., None]
    change = (shares_probed * after - shares * before) / EPSILON
    means: torch.Tensor = (shares * seen - change).mean(0)
    return means


def _strength(made: torch.Tensor) -> torch.Tensor:
    """Give the logarithm of the energy of results in their region, (n,)."""
    return _dot(made, made).clamp(min=1e-12).log()


def _dot(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    product: torch.Tensor = (one * other).sum((-2, -1))
    return product
