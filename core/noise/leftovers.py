"""Particles and dirt that neither picks nor segmentation name, found against the ice around."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import maximum_filter
from scipy.stats import norm

from .clearance import particle_discs
from .shading import robust_sd
from .templates import Filters, blob_profile, mean_profile

Image = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

_ROUNDS = 3
_FEW_PLACES = 12
_SAMPLES = 100_000  # pixels that are enough to measure noise
_HIGHEST = 5.0  # sd of a pixel: hot pixels and dirt must not ring through the filters


@dataclass(frozen=True)
class Particle:
    """Sizes in pixels of the map that is searched."""

    diameter: float
    reach: float
    """About a find nothing is cut within this radius: half the diameter and the margin."""
    window: float
    """Side of the windows that are to be cut."""


def find_leftovers(
    flat: Image,
    background: Mask,
    centres: npt.NDArray[np.float64],
    particle: Particle,
    loss: float,
) -> tuple[Mask, Mask]:
    """Find what looks like particles or dirt in the background of a micrograph.

    Density: the micrograph is correlated with the rotational mean of its own picks, and with a
    round blob of either sign. Power: that of waves about a quarter of to one particle diameter
    long, averaged over a particle. Each is compared with its distribution in the background.

    Parameters
    ----------
    flat : (h, w)
        Without shading.
    background : (h, w)
        True outside all known particles and pollution.
    centres : (n, 2)
        Picks, y and x in pixels.
    particle
        How large, and how far finds reach.
    loss
        Part of windows of pure Gaussian noise that each of the comparisons may cost.

    Returns
    -------
    density, power : (h, w) bool
        True within the reach of a find.
    """
    if not background.any():
        background = np.ones_like(background)
    limit = _HIGHEST * robust_sd(flat[background])
    flat = np.clip(flat, -limit, limit)
    diameter = particle.diameter
    border = int(diameter / 2)  # particles that the edge cuts off have their centres there
    around = Filters.of(flat, margin=round(diameter) + border + 2)
    blob = around.correlate(blob_profile(diameter), border)
    maps = [blob, -blob]
    profile = mean_profile(flat, centres, diameter)
    if profile is not None:
        maps.append(around.correlate(profile, border))
    reference = np.pad(background, border)
    inside = tuple(slice(border, border + n) for n in flat.shape)
    density = np.zeros(flat.shape, dtype=bool)
    for match in maps:
        density |= stands_out(match, reference, particle, loss)[inside]
    clear = background & ~density  # elsewhere nothing counts, lest it reach over
    if not clear.any():
        return density, density
    noise = Filters.of(np.where(clear, flat, 0), margin=int(diameter))
    squared = noise.difference(diameter / 16, diameter / 5) ** 2
    usual = squared[clear].mean(dtype=np.float64)
    smooth = Filters.of(np.where(clear, squared - usual, 0), int(diameter)).smooth(diameter / 4)
    # The logarithm's upper tail is nearly that of a Gaussian with the same lower quantiles.
    power = np.log(np.maximum(smooth + usual, 1e-3 * usual + 1e-30))
    return density, stands_out(power, clear, particle, loss)


def stands_out(match: Image, background: Mask, particle: Particle, loss: float) -> Mask:
    """Mark where a map is higher than noise makes it, and discs about its peaks there.

    The level and spread of noise come from the lower part of the background's distribution, since
    what is looked for fills the upper; what is found is left out and they are measured again.

    Parameters
    ----------
    match : (h, w)
        Gaussian, or nearly so, where there is noise alone.
    background : (h, w)
        Pixels to compare with.
    particle
        A find costs every window that comes within its reach.
    loss
        See `find_leftovers`.
    """
    area = (particle.window + 2 * particle.reach) ** 2
    size = 2 * int(particle.diameter / 4) + 1
    summits = maximum_filter(match, size)
    found = np.zeros(match.shape, dtype=bool)
    for _ in range(_ROUNDS):
        level, spread, roughness, places = _noise_of(match, background & ~found)
        if places < _FEW_PLACES:
            level, spread, roughness, places = _noise_of(match, np.ones_like(background))
        spread *= 1 + 2 / np.sqrt(max(1.0, places))  # measured at few places it is uncertain
        limit = level + spread * highest_of_noise(area, roughness, loss)
        peaks = np.argwhere((match == summits) & (match > limit)).astype(np.float64)
        discs = particle_discs(match.shape, peaks, particle.reach) | (match > limit)
        if (discs == found).all():
            break
        found = discs
    return found


def highest_of_noise(area: float, roughness: float, loss: float) -> float:
    """Height in sd that a Gaussian field exceeds somewhere in an area with probability `loss`.

    The expected Euler characteristic of the excursion set (Adler 1981, ch. 5), which for high
    levels is that probability: area · roughness · (2π)^(-3/2) · t · exp(-t²/2) + Q(t).

    Parameters
    ----------
    area
        Pixels.
    roughness
        Variance of the field's slope along an axis, of a field with variance 1, per pixel².
    loss
        0 to 1.
    """
    t = np.linspace(1.5, 8, 651)
    expected = area * roughness * (2 * np.pi) ** -1.5 * t * np.exp(-(t**2) / 2) + norm.sf(t)
    return float(np.interp(-loss, -expected, t))


def _noise_of(match: Image, reference: Mask) -> tuple[float, float, float, float]:
    """Level, standard deviation and roughness of a map's noise; independent places it has."""
    step = max(1, int((match.size / _SAMPLES) ** 0.5))
    values = match[:-1:step, :-1:step]
    inside = reference[:-1:step, :-1:step]
    chosen = values[inside]
    if len(chosen) == 0:
        return 0.0, np.inf, 0.0, 0.0
    low, quarter = np.percentile(chosen, [5, 25])
    spread = max(float(quarter - low) / (norm.ppf(0.25) - norm.ppf(0.05)), 1e-12)
    level = float(quarter) - norm.ppf(0.25) * spread
    down, right = match[1::step, :-1:step] - values, match[:-1:step, 1::step] - values
    roughness = robust_sd(down[inside]) * robust_sd(right[inside]) / spread**2
    places = np.count_nonzero(inside) * step**2 * roughness / (2 * np.pi)
    return level, spread, roughness, places
