"""The ice of a micrograph: its local mean and standard deviation, and what hides it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import (
    binary_dilation,
    binary_opening,
    binary_propagation,
    gaussian_filter,
)

from ...images.micrographs.reader import MicrographImage
from ...noise.shading import measure_shading, robust_sd
from ...segment.network import BACKGROUND, PARTICLE, POLLUTION
from ...segment.segmenter import Segmentation, Segmenter

Image = npt.NDArray[np.float32]

DIAMETERS = (80, 110, 150, 200, 270, 360, 480)
"""Å: particle diameters that are tried where none is given; each step is about a third."""
_EMPTY, _SURELY_EMPTY = 0.5, 0.9
_FARTHEST = 6.0  # sd; beyond it lie defects and dirt
_HALF = 40.0  # Å at which the low-pass keeps half of an amplitude
_USUAL = 97.0  # per cent of a micrograph's pixels, and times the contrast that these have at most
_CORE, _RIM = 2.5, 1.25
_BEYOND_RIM = 12.0  # Å
_LEAST = 24.0  # Å: half of the least width of a core; parts of particles are smaller
_BEYOND = 12.0  # robust sd of a micrograph's own pixels, from which on one is an accident


@dataclass(frozen=True, eq=False)
class Ice:
    """A micrograph at the working pixel size, in units of its ice.

    Attributes
    ----------
    image
        (h, w) white particles; the ice has the mean 0 and the standard deviation 1 everywhere.
    empty
        (h, w) bool: surely nothing but ice.
    pollution
        (h, w) float32 from 0 to 1: how far ice crystals, carbon or defects hide the particles.
    """

    image: Image
    empty: npt.NDArray[np.bool_]
    pollution: Image


def in_units_of_ice(working: Image, labels: Segmentation, pixel_size: float) -> Ice:
    """Take the local mean of the ice off a micrograph, and divide by its standard deviation.

    Parameters
    ----------
    working : (h, w)
        At the working pixel size; particles dark.
    labels
        Of the micrograph.
    pixel_size
        Å, of the working pixels.
    """
    chances = [_to_shape(chance, working.shape) for chance in labels.probabilities]
    ice = chances[BACKGROUND] > _EMPTY
    if not ice.any():
        ice = chances[POLLUTION] < _EMPTY
    places = [np.arange(side, dtype=np.float64) for side in working.shape]
    flat = working - measure_shading(working, ice, 1, pixel_size).at(*places)
    bounded = np.minimum(np.abs(flat), _FARTHEST * robust_sd(flat))
    variance = measure_shading(bounded**2, ice, 1, pixel_size).at(*places)
    sd = np.sqrt(np.maximum(variance, 1e-6 * float(variance.max()) + 1e-30))
    pollution = np.clip((chances[POLLUTION] - 0.35) / 0.3, 0, 1)
    empty = chances[BACKGROUND] > _SURELY_EMPTY
    image = np.clip(-flat / sd, -_FARTHEST, _FARTHEST).astype(np.float32)
    pollution = np.maximum(pollution, _thick(image, pollution > _EMPTY, pixel_size))
    return Ice(image, empty & (pollution == 0), pollution.astype(np.float32))


def low_pass(image: Image, pixel_size: float) -> Image:
    """Smooth an image by a Gaussian that keeps half of an amplitude at 40 Å."""
    sigma = np.sqrt(np.log(2) / 2) / np.pi * _HALF / pixel_size
    return np.asarray(gaussian_filter(image, sigma, mode="reflect"), dtype=np.float32)


def without_accidents(pixels: Image) -> Image:
    """Bound single pixels far beyond all others, as X-rays leave them; a copy is given."""
    sample = pixels[::7, ::7]
    middle, reach = float(np.median(sample)), _BEYOND * robust_sd(sample)
    return np.clip(pixels, middle - reach, middle + reach) if reach > 0 else pixels.copy()


def likely_diameter(
    images: Sequence[tuple[MicrographImage, float]], segmenter: Segmenter
) -> float | None:
    """Find the particle diameter at which the segmentation is surest of its particles.

    The network sees particles of any diameter at one size. Only with the right diameter does it
    see what it knows. The measure is the expected F1 score of its particle labels.

    Parameters
    ----------
    images
        Some micrographs with their pixel sizes in Å.
    segmenter
        Labels them.

    Returns
    -------
    diameter
        Å, one of `DIAMETERS`; None where no micrograph has room for a particle.
    """
    scores: dict[float, float] = {}
    for diameter in DIAMETERS:
        found = [
            _expected_f1(segmenter.segment(image, size, diameter))
            for image, size in images
            if 4 * diameter < min(image.pixels.shape) * size
        ]
        if found:
            scores[diameter] = float(np.mean(found))
    return max(scores, key=lambda diameter: scores[diameter]) if scores else None


def _thick(image: Image, found: npt.NDArray[np.bool_], pixel_size: float) -> Image:
    """Mark what has far more contrast than nearly all of the micrograph, out to its faint rim.

    Pollution that the segmentation found grows to its rim in the same way.
    """
    contrast = np.abs(low_pass(image, pixel_size))
    usual = float(np.percentile(contrast, _USUAL))
    least = max(1, round(_LEAST / pixel_size))
    core = found | binary_opening(contrast > _CORE * usual, iterations=least)
    whole = binary_propagation(core, mask=core | (contrast > _RIM * usual))
    reach = max(1, round(_BEYOND_RIM / pixel_size))
    return np.asarray(binary_dilation(whole, iterations=reach), dtype=np.float32)


def _expected_f1(labels: Segmentation) -> float:
    chance = labels.probabilities[PARTICLE]
    found = labels.labels == PARTICLE
    total = float(found.sum() + chance.sum())
    return 2 * float(chance[found].sum()) / total if total else 0.0


def _to_shape(coarse: Image, shape: tuple[int, ...]) -> Image:
    """Interpolate a coarse map to the working pixels."""
    map_ = torch.from_numpy(np.ascontiguousarray(coarse))[None, None]
    made = torch.nn.functional.interpolate(map_, (shape[0], shape[1]), mode="bilinear")
    return np.asarray(made[0, 0].numpy(), dtype=np.float32)
