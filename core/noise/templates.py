"""Round templates of a particle, and filters that search a micrograph for them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

Image = npt.NDArray[np.float32]

_ENOUGH_PICKS = 8
_LEAST_SEEN = 0.25  # of the template, where its result is scaled in full


@dataclass(frozen=True)
class Filters:
    """An image ready to be filtered, with zeros around it."""

    spectrum: npt.NDArray[np.complex64]
    padded: tuple[int, int]
    shape: tuple[int, int]
    margin: int

    @classmethod
    def of(cls, image: Image, margin: int) -> Filters:
        """Transform an image (h, w), with `margin` zeros on each side."""
        ny, nx = image.shape
        padded = (
            next_fast_len(ny + 2 * margin, real=True),
            next_fast_len(nx + 2 * margin, real=True),
        )
        around = np.zeros(padded, dtype=np.float32)
        around[margin : margin + ny, margin : margin + nx] = image
        return cls(_transform(around), padded, (ny, nx), margin)

    def smooth(self, sigma: float) -> Image:
        """Filter by a Gaussian of standard deviation `sigma` pixels."""
        return self._apply(self._gaussian(sigma))

    def difference(self, fine: float, coarse: float) -> Image:
        """Filter by the difference of two Gaussians: waves between their sizes remain."""
        return self._apply(self._gaussian(fine) - self._gaussian(coarse))

    def correlate(self, profile: npt.NDArray[np.float64], border: int) -> Image:
        """Correlate with a round template, given by its radial profile.

        Near the edges, where part of the template looks at nothing, the result is scaled to the
        variance that white noise has elsewhere: a particle cut off by the edge counts in full.

        Parameters
        ----------
        profile : (r,)
            By distance from the centre in pixels; r - 1 is at most the margin.
        border
            Pixels around the image at which the template's centre may lie too.

        Returns
        -------
        match : (h + 2 border, w + 2 border)
        """
        radius = len(profile) - 1
        span = np.arange(-radius, radius + 1)
        distance = np.hypot(span[:, None], span)
        template = np.zeros(self.padded, dtype=np.float32)
        disc = np.interp(distance, np.arange(radius + 1), profile, right=0)
        template[np.ix_(span, span)] = disc  # about pixel 0, 0: negative places count from the end
        seen = Filters.of(np.ones(self.shape, dtype=np.float32), self.margin)
        energy = seen._apply(_transform(template**2), border)
        match = self._apply(_transform(template), border)
        return np.asarray(match / np.sqrt(np.maximum(energy, _LEAST_SEEN * energy.max())))

    def _gaussian(self, sigma: float) -> Image:
        ny, nx = self.padded
        along_y, along_x = (
            np.exp(-2 * (np.pi * sigma * f) ** 2).astype(np.float32)
            for f in (np.fft.fftfreq(ny), np.fft.rfftfreq(nx))
        )
        return np.asarray(along_y[:, None] * along_x)

    def _apply(self, transfer: npt.NDArray[np.complex64] | Image, border: int = 0) -> Image:
        filtered = irfft2(self.spectrum * transfer, self.padded)
        inside = tuple(slice(self.margin - border, self.margin + n + border) for n in self.shape)
        return np.asarray(filtered[inside], dtype=np.float32)


def _transform(image: Image) -> npt.NDArray[np.complex64]:
    return np.asarray(rfft2(image), dtype=np.complex64)


def mean_profile(
    flat: Image, centres: npt.NDArray[np.float64], diameter: float
) -> npt.NDArray[np.float64] | None:
    """Mean of the picks by distance from the centre, in pixels, with zero sum over its disc.

    Returns
    -------
    profile : (r,) or None
        None if fewer than eight picks lie wholly inside.
    """
    radius = max(2, round(diameter))
    places = np.round(centres).astype(np.int64).reshape(-1, 2)
    inside = ((places >= radius) & (places < np.array(flat.shape) - radius)).all(axis=1)
    if inside.sum() < _ENOUGH_PICKS:
        return None
    span = np.arange(-radius, radius + 1)
    mean = np.zeros((len(span), len(span)))
    for y, x in places[inside]:
        mean += flat[y - radius : y + radius + 1, x - radius : x + radius + 1]
    ring = np.round(np.hypot(span[:, None], span)).astype(np.int64)
    area = np.bincount(ring.ravel())[: radius + 1]
    profile = np.bincount(ring.ravel(), mean.ravel())[: radius + 1] / area / inside.sum()
    return _with_zero_sum(profile)


def blob_profile(diameter: float) -> npt.NDArray[np.float64]:
    """Profile of a round density that fades towards its edge, with zero sum over its disc."""
    r = np.arange(max(2, round(diameter)) + 1)
    return _with_zero_sum(np.exp(-(r**2) / (2 * (diameter / 5) ** 2)))


def _with_zero_sum(profile: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Let a profile fade beyond the particle's edge, where its neighbours come in."""
    radius = len(profile) - 1
    r = np.arange(radius + 1)
    taper = np.clip((radius - r) / (0.3 * radius), 0, 1)
    area = taper * np.maximum(r, 1 / 8)  # of a ring, but for 2π
    level = (profile * area).sum() / area.sum()
    return np.asarray((profile - level) * taper)
