"""A power spectrum of ice in a few numbers, and noise of any box made from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import least_squares

from ..errors import IceblockError

Float = npt.NDArray[np.float64]

FIRST_RING = 2
"""Rings below it lost power to the plane that was taken off each block."""
_STARTS = (0.03, 0.1, 0.2)
_LOW = (-23.0, -4.0, -23.0, np.log(0.01), 0.0)
_HIGH = (12.0, 12.0, 12.0, np.log(0.4), np.log(12.0))


@dataclass(frozen=True)
class SpectrumModel:
    """Power per coefficient as a function of the spatial frequency f in cycles per pixel.

    P(f) = exp(-falloff f) (floor + rise / (1 + (f / corner)^steepness)) c(f)

    The floor is shot noise and the exponential the detector's transfer function; the rise is
    the structural noise of ice. c holds what five numbers cannot, above all the oscillations of
    the contrast transfer function: what was measured over what was fitted, drawn towards 1 where
    few coefficients were measured. Below the frequencies that blocks resolve, c is 1: there the
    formula alone extrapolates. White noise of variance 1 has P = 1.
    """

    floor: float
    falloff: float
    rise: float
    corner: float
    """Cycles per pixel."""
    steepness: float
    residual: float = 0.0
    """Root mean square of ln(measured / fitted) over the rings, without c."""
    correction: tuple[float, ...] = ()
    """ln c at equally spaced frequencies from 0 to `span`."""
    span: float = 0.5**0.5

    def power(self, frequency: torch.Tensor) -> torch.Tensor:
        """Give P at frequencies in cycles per pixel."""
        rise = self.rise / (1 + (frequency / self.corner).pow(self.steepness))
        fitted = torch.exp(-self.falloff * frequency) * (self.floor + rise)
        if not self.correction:
            return fitted
        places = np.linspace(0, self.span, len(self.correction))
        correction = np.exp(np.interp(frequency.cpu().numpy(), places, self.correction))
        return fitted * torch.as_tensor(correction).to(fitted)

    def draw(self, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
        """Make (n, box, box) float32 Gaussian noise of this spectrum; see `source.NoiseSource`."""
        fy = torch.fft.fftfreq(box, device=generator.device)
        fx = torch.fft.rfftfreq(box, device=generator.device)
        gain = self.power((fy[:, None] ** 2 + fx**2).sqrt()).sqrt()
        white = torch.randn(n, box, box, generator=generator, device=generator.device)
        noise: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(white) * gain, s=(box, box))
        return noise


def fit_blocks(batches: Iterable[npt.NDArray[np.float32]]) -> SpectrumModel:
    """Fit the formula of `SpectrumModel` by least squares in log power.

    Parameters
    ----------
    batches
        Blocks (k, box, box), all of one box; one batch is in memory at a time.

    Raises
    ------
    IceblockError
        When there are no blocks, or they are too small to show a spectrum.
    """
    power: Float | float = 0.0
    n = 0
    box = 0
    for blocks in batches:
        if not len(blocks):
            continue
        box = blocks.shape[-1]
        spectrum = torch.fft.fft2(torch.from_numpy(np.ascontiguousarray(blocks)))
        power = power + spectrum.abs().square().double().sum(0).numpy() / box**2
        n += len(blocks)
    if n == 0 or box < 16:
        raise IceblockError(
            "A noise spectrum is fitted to blocks of at least 16 pixels, and there are none: cut "
            "blocks first."
        )
    frequency, mean, count = _rings(np.asarray(power) / n)
    return _fit(frequency, mean, count * n / 2, box)


def _rings(power: Float) -> tuple[Float, Float, Float]:
    """Average a power spectrum (box, box) over rings one coefficient wide, corners included.

    Returns
    -------
    frequency, mean, count : (rings,)
        Mean frequency in cycles per pixel, mean power, number of coefficients.
    """
    box = power.shape[0]
    f = np.fft.fftfreq(box)
    radius = np.hypot(f[:, None], f).ravel()
    ring = np.rint(radius * box).astype(np.int64)
    count = np.bincount(ring).astype(np.float64)
    return (
        np.bincount(ring, radius) / count,
        np.bincount(ring, power.ravel()) / count,
        count,
    )


def _fit(frequency: Float, mean: Float, count: Float, box: int) -> SpectrumModel:
    """Fit rings; `count` is the number of independent coefficients in each."""
    used = (np.arange(len(mean)) >= FIRST_RING) & (mean > 1e-12 * mean.max())
    f, measured = frequency[used], np.log(mean[used])

    def misfit(parameters: Float) -> Float:
        floor, falloff, rise, corner, steepness = parameters
        up = np.exp(rise) / (1 + (f / np.exp(corner)) ** np.exp(steepness))
        return np.asarray(np.log(np.exp(floor) + up) - falloff * f - measured)

    level = float(np.median(measured))
    fits = [
        least_squares(misfit, (level, 1.0, level, np.log(start), np.log(3.0)), bounds=(_LOW, _HIGH))
        for start in _STARTS
    ]
    best = min(fits, key=lambda fit: float(fit.cost))
    floor, falloff, rise, corner, steepness = (float(value) for value in best.x)
    ratio = -misfit(best.x)
    residual = float(np.sqrt(np.mean(ratio**2)))
    # The ratio's own error is 1 / sqrt(count): trust it as far as the residual exceeds that.
    ratio *= residual**2 / (residual**2 + 1 / count[used])
    places = np.arange(len(mean)) / box
    correction = np.interp(places, np.r_[places[FIRST_RING - 1], f], np.r_[0.0, ratio])
    return SpectrumModel(
        floor=float(np.exp(floor)),
        falloff=falloff,
        rise=float(np.exp(rise)),
        corner=float(np.exp(corner)),
        steepness=float(np.exp(steepness)),
        residual=residual,
        correction=tuple(correction.tolist()),
        span=float(places[-1]),
    )
