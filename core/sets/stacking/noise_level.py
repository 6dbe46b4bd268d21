"""How much noise images hold, told from their background.

Particles are normalised by the mean and sd of their own background. These are not those of the
noise: they vary from image to image, as noise does. And the spectrum that the background gives is
smoother than the noise's. Both are small; where the noise is twenty times as strong as the signal,
both count. So drawn noise is treated like the images, and its spectrum is the one with which it
becomes like their background.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch

from ...signal.background import ring_statistics
from ...signal.spectrum import noise_with_power
from ..covariance.background import BackgroundSpectrum
from .region import Region

PIXELS = 1 << 22
"""Of noise that is drawn at a time, about."""
FEWEST, MOST = 256, 1024
"""Images that are drawn at least and at most."""
_PIECE = 64
_SEEDS = (71, 72, 73)


def drawn(power: torch.Tensor, box: int, seed: int, times: int = 1) -> Iterator[torch.Tensor]:
    """Draw noise of a spectrum (rings,), and normalise it as particles are; some at a time."""
    generator = torch.Generator().manual_seed(seed)
    pieces = times * min(max(FEWEST, PIXELS // box**2), MOST) // _PIECE
    for _ in range(pieces):
        noise = noise_with_power(power[None].expand(_PIECE, -1).float(), box, generator)
        mean, sd = ring_statistics(noise)
        yield (noise - mean) / sd


def spectrum_of_noise(measured: torch.Tensor, box: int) -> torch.Tensor:
    """Give the spectrum of noise from which normalised images have the measured one.

    Parameters
    ----------
    measured : (rings,)
        From `BackgroundSpectrum` of normalised images.
    box
        Pixels.

    Returns
    -------
    power : (rings,)
    """
    power = measured
    for seed in _SEEDS[:2]:
        again = BackgroundSpectrum(box)
        for noise in drawn(power, box, seed):
            again.add(noise)
        power = power * (measured / again.power().to(measured.dtype))
    return power


def noise_in(regions: Sequence[Region], power: torch.Tensor) -> list[torch.Tensor]:
    """Give the mean products of normalised noise with itself in each region, (rings,).

    Parameters
    ----------
    regions
        Of the same images.
    power : (rings,)
        From `spectrum_of_noise`.
    """
    totals, count = [torch.zeros(region.rings, dtype=torch.float64) for region in regions], 0
    for noise in drawn(power, regions[0].weight.shape[-1], _SEEDS[2], 4):
        for total, region in zip(totals, regions, strict=True):
            spectra = region.of(noise)
            total += region.products(spectra, spectra).sum(0)
        count += len(noise)
    return [total / count for total in totals]
