"""The spectrum of a data set's noise, from the pixels around its particles."""

from __future__ import annotations

import torch

from ...signal.background import ring_mask
from ...signal.spectrum import radial_index

REACH = 0.25
"""Longest distance over which pixels are correlated, as a fraction of the box."""
FLOOR = 0.05
"""Least power, in units of the mean power."""


class BackgroundSpectrum:
    """Adds up the autocorrelation of the pixels outside the particle's circle.

    The product of two such pixels is averaged over all pairs with the same distance vector. This
    estimate has no bias, whatever the shape of the region (Blackman and Tukey, 1958). A Hann window
    brings it to 0 at the distance `REACH`.

    Parameters
    ----------
    box
        Pixels.
    device
        Of the images.
    """

    def __init__(self, box: int, device: torch.device | str = "cpu") -> None:
        self._box = box
        self._outside = ring_mask(box, device).float()
        self._sum = torch.zeros(2 * box, box + 1, dtype=torch.float64, device=device)
        self._count = 0

    def add(self, images: torch.Tensor) -> None:
        """Take (n, box, box) images in whose background the mean is 0."""
        padded = (2 * self._box, 2 * self._box)
        spectra = torch.fft.rfft2(images * self._outside, s=padded)
        self._sum += spectra.abs().square().double().sum(0)
        self._count += len(images)

    def join(self, other: BackgroundSpectrum) -> None:
        """Take all that another one has added up."""
        self._sum += other._sum
        self._count += other._count

    def power(self) -> torch.Tensor:
        """(box // 2 + 1,) power in rings, as `radial_power` gives it."""
        box = self._box
        padded = (2 * box, 2 * box)
        products = torch.fft.irfft2(self._sum, s=padded)
        shape = torch.fft.rfft2(self._outside.double(), s=padded).abs().square()
        pairs = torch.fft.irfft2(shape, s=padded) * max(1, self._count)
        d = torch.fft.fftfreq(2 * box, 1 / (2 * box), device=products.device)
        distance = (d[:, None].square() + d[None, :].square()).sqrt()
        window = 0.5 + 0.5 * torch.cos(torch.pi * (distance / (REACH * box)).clamp(max=1))
        correlation = torch.where(distance < REACH * box, products / pairs.clamp(min=1), 0) * window
        kept = _middle(correlation, box)
        index_power = torch.fft.rfft2(kept).real
        return _rings(index_power, box)


def _middle(images: torch.Tensor, box: int) -> torch.Tensor:
    """Distances below half a box, in the wrapped order of a transform of `box` pixels."""
    half = box // 2
    rows = torch.cat([images[:half], images[-half:]])
    return torch.cat([rows[:, :half], rows[:, -half:]], dim=1)


def _rings(power: torch.Tensor, box: int) -> torch.Tensor:
    """Means over rings of an rfft2 of real, positive values, kept above the floor."""
    bins = box // 2 + 1
    index = radial_index(box, bins, power.device)
    total = torch.zeros(bins, dtype=power.dtype, device=power.device)
    count = torch.zeros_like(total)
    total.index_add_(0, index.flatten(), power.flatten())
    count.index_add_(0, index.flatten(), torch.ones_like(power).flatten())
    mean = total / count.clamp(min=1)
    return mean.clamp(min=FLOOR * float(mean.mean()))
