"""The part of an image in which estimates are compared with the truth."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from ...signal.spectrum import radial_index
from .stein import in_rings

EDGE = 3.0
"""Pixels over which a particle's region fades out."""
FAINT = 0.08
"""Part of the strongest signal at which a particle's region ends."""
SMALLEST, LARGEST = 0.12, 0.42
"""Limits of its radius, as parts of the box."""


@dataclass(frozen=True)
class Region:
    """Weights of an image's pixels, and correlation as Pearson defines it under them.

    Attributes
    ----------
    weight : (box, box)
        From 0 to 1; what it is applied to has a mean of 0 under its square.
    radius
        Of the circle, pixels; None for the whole box.
    """

    weight: torch.Tensor
    radius: float | None = None

    @property
    def rings(self) -> int:
        """From zero frequency to Nyquist."""
        return self.weight.shape[-1] // 2 + 1

    def inside(self, images: torch.Tensor) -> torch.Tensor:
        """Give (…, box, box) images under the weights, their mean taken off."""
        weight = self.weight.to(images.device)
        square = weight.square()
        mean = (images * square).sum((-2, -1), keepdim=True) / square.sum()
        return (images - mean) * weight

    def of(self, images: torch.Tensor) -> torch.Tensor:
        """Give the spectra of (…, box, box) images under the weights, their mean taken off."""
        spectra: torch.Tensor = torch.fft.rfft2(self.inside(images))
        return spectra

    def products(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        """Multiply two sets of spectra from `of`, (…, rings) on the CPU."""
        real = one.real * other.real + one.imag * other.imag
        return in_rings(real, self.rings).double().cpu()

    def leakage(self) -> torch.Tensor:
        """Tell into which rings the weights spread the power of periodic noise.

        Returns
        -------
        leakage : (rings, rings)
            Times a spectrum as `radial_power` gives it, the expected products of noise with
            itself, but for the mean that is taken off.
        """
        box = self.weight.shape[-1]
        index = radial_index(box, self.rings)
        ones = torch.nn.functional.one_hot(index, self.rings).movedim(-1, 0).double()
        kernel = torch.fft.ifft2(torch.fft.fft2(self.weight.double()).abs().square()).real
        spread = torch.fft.rfft2(torch.fft.irfft2(ones, s=(box, box)) * kernel).real
        return in_rings(spread, self.rings).T


def whole(box: int) -> Region:
    """Give the whole box."""
    return Region(torch.ones(box, box))


def circle(box: int, radius: float) -> Region:
    """Give a circle about the centre, pixels, with a soft edge."""
    beyond = (_distance(box) - radius) / EDGE
    return Region(0.5 + 0.5 * torch.cos(torch.pi * beyond.clamp(0, 1)), radius)


def particle(images: torch.Tensor) -> Region:
    """Give the circle in which a set's images (n, box, box) show more than their background.

    The mean square of the background is 1.
    """
    box = images.shape[-1]
    power = torch.zeros(box, box, dtype=torch.float64)
    for some in torch.split(images, 64):
        power += some.double().square().sum(0).cpu()
    ring = _distance(box).round().long().clamp(max=box // 2)
    count = torch.bincount(ring.flatten())
    profile = torch.bincount(ring.flatten(), (power / len(images) - 1).flatten()) / count
    near = torch.arange(len(profile), dtype=torch.float64)
    kernel = torch.exp(-0.5 * ((near[:, None] - near) / (box / 40)).square()) * count
    even = kernel @ profile / kernel.sum(1)
    below = (even < FAINT * even.max()) & (near > even.argmax())
    radius = float(below.double().argmax()) if bool(below.any()) else LARGEST * box
    return circle(box, min(max(radius, SMALLEST * box), LARGEST * box - EDGE))


def _distance(box: int) -> torch.Tensor:
    d = torch.arange(box) - box // 2
    return (d[:, None].square() + d.square()).sqrt()
