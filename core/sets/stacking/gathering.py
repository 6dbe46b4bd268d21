"""Collects what `correlation` needs of estimates, within a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ...signal.filters import wiener_filter
from ..covariance.background import power_of_each
from .correlation import Sums
from .noise_level import noise_in
from .region import Region
from .stein import EPSILON

LOW_PASS = tuple(0.03 * 1.15**step for step in range(26))
"""Tried low-pass filters: the part of Nyquist at which a Gaussian gain is half."""


Compared = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""`seen`, `blurred` and `squares` of `correlation.Sums`."""


@dataclass(frozen=True)
class Measured:
    """Images in a region.

    Attributes
    ----------
    region
        Of the images.
    image, noise : (n, rings)
        See `correlation.Sums`.
    power : (rings,)
        Of the noise.
    """

    region: Region
    image: torch.Tensor
    noise: torch.Tensor
    power: torch.Tensor


def measured_in(
    regions: Sequence[Region], images: torch.Tensor, power: torch.Tensor
) -> list[Measured]:
    """Measure images (n, box, box) in several regions.

    The noise of each image is told by its own background, and brought to what is expected of all.

    Parameters
    ----------
    power : (rings,)
        Of the noise, from `noise_level.spectrum_of_noise`.
    """
    each, found = power_of_each(images).double(), []
    for region, expected in zip(regions, noise_in(regions, power), strict=True):
        own = each @ region.leakage().T
        noise = own * (expected / own.mean(0))
        image = [region.products(*(2 * [region.of(some)])) for some in torch.split(images, 64)]
        found.append(Measured(region, torch.cat(image), noise, power.double()))
    return found


def estimated(
    region: Region,
    images: torch.Tensor,
    probes: torch.Tensor,
    found: torch.Tensor,
    again: torch.Tensor,
) -> Compared:
    """Compare estimates (n, estimates, box, box) of images, and of images with ε of the probes."""
    image, probe, own = region.of(images)[:, None], region.of(probes)[:, None], region.of(found)
    change = (region.of(again) - own) / EPSILON
    return (
        region.products(own, image),
        region.products(change, probe),
        region.products(own, own),
    )


def filtered(measured: Measured, images: torch.Tensor, gain: torch.Tensor) -> Compared:
    """Compare images that are filtered by a gain (rings,)."""
    region, leakage = measured.region, measured.region.leakage()
    share = (leakage @ (gain.double() * measured.power)) / (leakage @ measured.power)
    seen, squares = [], []
    for some in torch.split(images, 64):
        own = region.of(wiener_filter(some, gain, 1 - gain))
        seen.append(region.products(own, region.of(some)))
        squares.append(region.products(own, own))
    blurred = share * measured.noise[: len(images)]
    return torch.cat(seen)[:, None], blurred[:, None], torch.cat(squares)[:, None]


def together(one_after_another: Sequence[Compared]) -> Compared:
    """Put comparisons of several groups of images behind one another."""
    seen, blurred, squares = (torch.cat(each) for each in zip(*one_after_another, strict=True))
    return seen, blurred, squares


def sums_of(measured: Measured, side_by_side: Sequence[Compared]) -> Sums:
    """Put comparisons of several estimates of the same images side by side."""
    seen, blurred, squares = (torch.cat(each, dim=1) for each in zip(*side_by_side, strict=True))
    return Sums(seen, blurred, squares, measured.image, measured.noise)


def low_pass_gain(measured: Measured) -> torch.Tensor:
    """Give the Gaussian gain (rings,) by which images correlate best with the truth."""
    signal, image = (measured.image - measured.noise).mean(0), measured.image.mean(0)
    rings = torch.linspace(0, 1, measured.region.rings)
    gains = [0.5 ** (rings / half).square() for half in LOW_PASS]
    reached = [
        float(gain.double() @ signal / (gain.double().square() @ image).sqrt()) for gain in gains
    ]
    return gains[max(range(len(gains)), key=reached.__getitem__)]


def wiener_gain(measured: Measured, power_in_box: torch.Tensor) -> torch.Tensor:
    """Give the gain (rings,) of a Wiener filter by the set's own mean spectra.

    Parameters
    ----------
    power_in_box : (rings,)
        Mean products of the noise with itself in the whole box.
    """
    signal = (measured.image - measured.noise).mean(0).clamp(min=0)
    gain: torch.Tensor = (signal / (signal + power_in_box)).float()
    return gain
