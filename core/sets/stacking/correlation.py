"""How well estimates agree with the truth, told without it, and how sure that is.

By Stein's identity (see `stein`) <e, x> of an estimate e and the truth x is known, and <x, x> is
<y, y> less the noise's power. So is the correlation <e, x> / sqrt(<e, e> <x, x>), of all images
together: in all rings of Fourier space, and in each. Images that were not estimated help to tell
<x, x>. Intervals are by the bootstrap over images (Efron, Ann. Statist. 7 (1979)), with a doubt
about the spectrum of the noise.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from .evidence import Interval, Told

RESAMPLES = 1000
ENDS = (0.025, 0.975)
BANDS = 16
"""Points of a curve at most."""
DOUBT, WHOLE_DOUBT = 0.03, 0.001
"""Standard deviations by which the noise's power may be wrong in a ring, and in all: parts of it.

The background and the particle's place hold about the same noise, and its spectrum is told from few
pixels.
"""


@dataclass(frozen=True)
class Sums:
    """Products in a region, summed over rings: of n images and their estimates, and of m others.

    Attributes
    ----------
    seen, blurred : (n, estimates, rings)
        <e, y>, and <e, n> as Stein's identity tells it.
    squares : (n, estimates, rings)
        <e, e>.
    image, noise : (n + m, rings)
        <y, y>, and what <n, n> is expected to be.
    """

    seen: torch.Tensor
    blurred: torch.Tensor
    squares: torch.Tensor
    image: torch.Tensor
    noise: torch.Tensor

    def __len__(self) -> int:
        return len(self.seen)


def bands(rings: int) -> list[slice]:
    """Divide rings, but for zero frequency, into `BANDS` of about the same width or fewer."""
    count = min(BANDS, rings - 1)
    edges = [1 + round(k * (rings - 1) / count) for k in range(count + 1)]
    return [slice(low, high) for low, high in itertools.pairwise(edges)]


def resolutions(rings: int, pixel_size: float) -> tuple[float, ...]:
    """Give the middles of the `bands`, Å."""
    middles = [(band.start + band.stop - 1) / 2 for band in bands(rings)]
    return tuple(2 * pixel_size * (rings - 1) / middle for middle in middles)


def tell(names: Sequence[str], inside: Sums, everywhere: Sums) -> tuple[Told, ...]:
    """Tell how well estimates agree with the truth.

    Parameters
    ----------
    names
        Of the estimates.
    inside, everywhere
        Within the particle, and in the whole box.
    """
    near = _Means(inside)
    within, without = near.correlations(), _Means(everywhere).correlations()
    removed = near.removed()
    curve = [near.correlations(band) for band in bands(inside.image.shape[-1])]
    return tuple(
        Told(name, within[k], without[k], removed[k], tuple(band[k] for band in curve))
        for k, name in enumerate(names)
    )


def gain(inside: Sums, better: int, than: int) -> Interval | None:
    """Tell by how much one estimate correlates better with the truth than another one.

    Both are of the same images, so that what is uncertain of both is no doubt of their difference.
    None where the images do not show more than their noise.

    Parameters
    ----------
    inside
        Within the particle.
    better, than
        Places of the two estimates.
    """
    found = _Means(inside).values()
    return None if found is None else _interval(found[:, better] - found[:, than])


class _Means:
    """Means over images as they are, and over images that are drawn from them, by rings.

    Attributes
    ----------
    truth, squares : (1 + resamples, estimates, rings)
        <e, x> and <e, e>.
    signal, noise : (1 + resamples, rings)
        <x, x> and <n, n>.
    """

    def __init__(self, sums: Sums) -> None:
        n, rings = len(sums), sums.image.shape[-1]
        generator = torch.Generator().manual_seed(0)
        some = _resampled(n, generator)
        wrong = 1 + _doubt(sums.noise.mean(0), generator)
        seen, blurred, self.squares = (
            (some @ each.flatten(1)).reshape(len(some), -1, rings)
            for each in (sums.seen, sums.blurred, sums.squares)
        )
        self.truth = seen - blurred * wrong[:, None]
        own = some @ sums.image[:n] - some @ sums.noise[:n] * wrong
        self.noise, self.signal = some @ sums.noise[:n] * wrong, own
        if n < len(sums.image):
            further = _resampled(len(sums.image) - n, generator)
            others = further @ sums.image[n:] - further @ sums.noise[n:] * wrong
            self.signal = torch.lerp(others, own, n / len(sums.image))
            self.truth = self.truth + _slopes(sums) * (self.signal - own)[:, None]

    def correlations(self, rings: slice = slice(None)) -> list[Interval | None]:
        """Tell correlations over some rings."""
        found = self.values(rings)
        if found is None:
            return [None] * self.truth.shape[1]
        return [_correlation(values) for values in found.T]

    def values(self, rings: slice = slice(None)) -> torch.Tensor | None:
        """Give correlations (1 + resamples, estimates) over some rings; None without a signal."""
        truth, squares, signal = (
            each[..., rings].sum(-1) for each in (self.truth, self.squares, self.signal)
        )
        if float(torch.quantile(signal[1:], ENDS[0])) <= 0 or float(signal[0]) <= 0:
            return None
        length = (squares * signal[:, None]).clamp(min=0).sqrt()
        return torch.where(length > 0, truth / length.clamp(min=1e-300), 0.0)

    def removed(self) -> list[Interval]:
        """Tell the part of the noise's power that is gone: 1 - |e - x|² / |n|²."""
        error = self.squares - 2 * self.truth + self.signal[:, None]
        return [_interval(values) for values in (1 - error.sum(-1) / self.noise.sum(-1)[:, None]).T]


def _slopes(sums: Sums) -> torch.Tensor:
    """Tell how <e, x> goes with <x, x> from image to image, (estimates, rings)."""
    n = len(sums)
    truth, signal = sums.seen - sums.blurred, (sums.image - sums.noise)[:n, None]
    apart = signal - signal.mean(0)
    return ((truth - truth.mean(0)) * apart).mean(0) / apart.square().mean(0).clamp(min=1e-300)


def _doubt(noise: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw how wrong the noise (rings,) may be, as a part of it, (1 + resamples, rings)."""
    drawn = torch.randn(1 + RESAMPLES, len(noise), generator=generator, dtype=torch.float64)
    whole = torch.randn(1 + RESAMPLES, 1, generator=generator, dtype=torch.float64)
    share = noise.clamp(min=0) / noise.clamp(min=0).sum()
    wrong = DOUBT * (drawn - (drawn * share).sum(1, keepdim=True)) + WHOLE_DOUBT * whole
    wrong[0] = 0
    return wrong


def _correlation(values: torch.Tensor) -> Interval | None:
    """Give a correlation; None where it surely is above 1, for then the noise is another one."""
    if float(torch.quantile(values[1:], ENDS[0])) > 1:
        return None
    return _interval(values.clamp(-1, 1))


def _interval(values: torch.Tensor) -> Interval:
    low, high = torch.quantile(values[1:], torch.tensor(ENDS, dtype=values.dtype)).tolist()
    return Interval(float(values[0]), low, high)


def _resampled(n: int, generator: torch.Generator) -> torch.Tensor:
    """Draw how much each of n images counts in a mean, (1 + resamples, n); at first all alike."""
    drawn = torch.randint(n, (RESAMPLES, n), generator=generator)
    counts = torch.zeros(1 + RESAMPLES, n, dtype=torch.float64)
    counts[0] = 1
    ones = torch.ones(1, dtype=torch.float64).expand(RESAMPLES, n)
    return counts.index_put_((torch.arange(1, 1 + RESAMPLES)[:, None], drawn), ones, True) / n
