"""The mixture that fits best what images added up to."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch

from .mixture import Mixture, Statistics
from .polar import PolarGrid

SMALLEST_GROUP = 200
"""Images of an optics group from which on its noise has a spectrum of its own."""
FEWEST = 0.1
"""A class with less than this part of the mean number of images is made anew."""


@dataclass(frozen=True)
class Prior:
    """What is believed before any image is seen.

    Attributes
    ----------
    width
        Factor on the power that a class average is expected to have on a ring, beside what the
        average itself shows above its noise; without `covariances`.
    least_offset_sd, offset_range
        Least and largest standard deviation of offsets, pixels.
    covariances : (frequencies, rings, rings)
        Of clean images: of the Fourier coefficients along the rings, over the number of turns;
        None where they are not known.
    """

    width: float
    least_offset_sd: float
    offset_range: float
    covariances: torch.Tensor | None = None


def maximise(
    seen: Statistics, former: Mixture, prior: Prior, grid: PolarGrid
) -> tuple[Mixture, torch.Tensor]:
    """Make the next mixture.

    Returns
    -------
    mixture
        With the averages' most likely values under a Gaussian prior.
    signal_to_noise : (classes, rings)
        Power of each average over that of the noise left in it.
    """
    precision = seen.precision.clamp(min=1e-12)
    noise_left = grid.mask_power / precision
    power = (seen.signal / precision[..., None]).square().mean(-1)
    ratio = power / noise_left - 1
    if prior.covariances is None:
        expected = prior.width * _smooth((power - noise_left).clamp(min=0))
        expected = expected.clamp(min=1e-9 * float(power.amax()))
        averages = seen.signal / (precision + grid.mask_power / expected)[..., None]
    else:
        averages = _most_likely(seen.signal, precision, prior.covariances, grid.mask_power)
    averages = grid.sample(grid.images(averages))
    images = float(seen.members.sum())
    inside = seen.counts[:-1].sum()
    spread = float((seen.offsets / inside.clamp(min=1) / 2).sqrt())
    # Classes of equal weight: otherwise the largest take all images where noise is strong.
    part = (float(inside) + 0.5) / (images + 1)
    weights = torch.full((len(averages) + 1,), part / len(averages))
    weights[-1] = 1 - part
    mixture = Mixture(
        averages=averages,
        weights=weights,
        noise=noise_of(seen, former, grid.mask_power),
        offset_sd=min(max(spread, prior.least_offset_sd), prior.offset_range),
    )
    return mixture, ratio


def reborn(mixture: Mixture, counts: torch.Tensor, generator: torch.Generator) -> Mixture:
    """Put variants of the largest classes in the place of classes that are nearly empty.

    Parameters
    ----------
    mixture
        To be mended.
    counts : (classes,)
        Images in each class.
    generator
        Of what the variants differ by.
    """
    few = (counts < FEWEST * counts.mean()).nonzero()[:, 0].tolist()
    averages, left = mixture.averages.clone(), counts.clone()
    for number in few:
        largest = int(left.argmax())
        left[largest] /= 2
        factor = 1 + 0.3 * torch.randn(averages.shape[1], 1, generator=generator)
        averages[number] = averages[largest] * factor
    return replace(mixture, averages=averages)


def _most_likely(
    signal: torch.Tensor, precision: torch.Tensor, covariances: torch.Tensor, mask_power: float
) -> torch.Tensor:
    """Give the most likely averages where the covariance of clean images is known.

    For each frequency along the rings this is (D + m / E)⁻¹ s = E (D E + m)⁻¹ s, where s is the
    signal, D the precision, E the covariance between rings, and m the power of the mask.
    """
    spectra = torch.fft.rfft(signal)
    count = len(covariances)
    matrices = precision[:, None, :, None] * covariances + mask_power * torch.eye(signal.shape[1])
    known = spectra[..., :count].permute(0, 2, 1)[..., None]
    both = torch.view_as_real(known).squeeze(-2)  # real and imaginary parts as two columns
    solved = covariances @ torch.linalg.solve(matrices, both)
    made = torch.zeros_like(spectra)
    made[..., :count] = torch.view_as_complex(solved.contiguous()).permute(0, 2, 1)
    averages: torch.Tensor = torch.fft.irfft(made, n=signal.shape[-1])
    return averages


def noise_of(seen: Statistics, former: Mixture, mask_power: float) -> torch.Tensor:
    """Give the power (groups, rings); small groups share one spectrum."""
    together = (seen.residual.sum(0) / seen.members.sum().clamp(min=1)) / mask_power
    alone = seen.residual / seen.members.clamp(min=1)[:, None] / mask_power
    known = (seen.members >= SMALLEST_GROUP)[:, None]
    noise = torch.where(known, alone, together)
    return torch.where(noise > 0, noise, former.noise)


def _smooth(power: torch.Tensor) -> torch.Tensor:
    """Mean over three neighbouring rings."""
    wide = torch.nn.functional.pad(power, (1, 1), mode="replicate")
    return torch.nn.functional.avg_pool1d(wide, 3, 1)
