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
    """

    def __init__(self, box: int) -> None:
        self._box = box
        self._outside = ring_mask(box).float()
        self._sum = torch.zeros(2 * box, box + 1, dtype=torch.float64)
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
        mean = _power(self._sum, self._outside, self._count)
        return mean.clamp(min=FLOOR * float(mean.mean()))


def power_of_each(images: torch.Tensor) -> torch.Tensor:
    """Tell the spectrum of each image's background, (n, box // 2 + 1); few pixels make it rough.

    Parameters
    ----------
    images : (n, box, box)
        In whose background the mean is 0.
    """
    box = images.shape[-1]
    outside = ring_mask(box, images.device).float()
    found = []
    for some in torch.split(images, 32):
        products = torch.fft.rfft2(some * outside, s=(2 * box, 2 * box)).abs().square()
        found.append(_power(products.double(), outside, 1))
    return torch.cat(found)


def _power(products: torch.Tensor, outside: torch.Tensor, count: int) -> torch.Tensor:
    """Give the power in rings (…, rings) from the sums of images' padded power spectra."""
    box = outside.shape[-1]
    padded = (2 * box, 2 * box)
    added = torch.fft.irfft2(products, s=padded)
    shape = torch.fft.rfft2(outside.double(), s=padded).abs().square()
    pairs = torch.fft.irfft2(shape, s=padded) * max(1, count)
    d = torch.fft.fftfreq(2 * box, 1 / (2 * box), device=products.device)
    distance = (d[:, None].square() + d[None, :].square()).sqrt()
    window = 0.5 + 0.5 * torch.cos(torch.pi * (distance / (REACH * box)).clamp(max=1))
    correlation = torch.where(distance < REACH * box, added / pairs.clamp(min=1), 0) * window
    return _rings(torch.fft.rfft2(_middle(correlation, box)).real, box)


def _middle(images: torch.Tensor, box: int) -> torch.Tensor:
    """Distances below half a box, in the wrapped order of a transform of `box` pixels."""
    half = box // 2
    rows = torch.cat([images[..., :half, :], images[..., -half:, :]], dim=-2)
    return torch.cat([rows[..., :half], rows[..., -half:]], dim=-1)


def _rings(power: torch.Tensor, box: int) -> torch.Tensor:
    """Means over rings of an rfft2 of real values, (…, rings)."""
    bins = box // 2 + 1
    index = radial_index(box, bins, power.device).flatten()
    total = torch.zeros(*power.shape[:-2], bins, dtype=power.dtype, device=power.device)
    total.index_add_(-1, index, power.flatten(-2))
    count = torch.bincount(index, minlength=bins).to(power.dtype)
    return total / count.clamp(min=1)
