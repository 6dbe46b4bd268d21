"""Numbers that a model card keeps of the noise that its network was trained in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..signal.spectrum import radial_power
from .inspection import moments
from .source import NoiseSource

IMAGES = 256
"""Images of noise that are drawn."""
RINGS = 33
"""Rings at most."""
DIGITS = 4
_CHUNK = 32
_NOTHING = 1e-6
"""Less power than this is rounding."""


def noise_statistics(
    source: NoiseSource, box: int, pixel_size: float, device: torch.device | str = "cpu"
) -> dict[str, Any]:
    """Describe images of noise as a network in training sees them, with all that varies them.

    Parameters
    ----------
    source
        Of the noise; the same source always gives the same numbers.
    box
        Pixels, of the images.
    pixel_size
        Å.
    device
        Where the source draws.

    Returns
    -------
    statistics
        Plain JSON. Of rings from zero frequency to Nyquist: `frequency` (1/Å), `mean` power, and
        `lowest` and `highest`, which 5 % of the images stay below and exceed; the mean over the
        rings of `mean` is 1. Of the pixels: `skewness` and excess `kurtosis`, 0 for a Gaussian.
        `images`: how many were drawn.
    """
    rings = min(RINGS, box // 2 + 1)
    random = torch.Generator(device).manual_seed(0)
    spectra, skewness, kurtosis = [], [], []
    for _ in range(IMAGES // _CHUNK):
        images = source.draw(_CHUNK, box, random)
        spectra.append(radial_power(images, rings).double().cpu().numpy())
        shape = moments(images.cpu().numpy())
        skewness.append(shape.skewness)
        kurtosis.append(shape.kurtosis)
    power = np.concatenate(spectra)
    power /= power.mean()
    lowest, highest = np.quantile(power, (0.05, 0.95), axis=0)
    return {
        "frequency": _rounded(np.linspace(0, 0.5 / pixel_size, rings)),
        "mean": _rounded(power.mean(axis=0)),
        "lowest": _rounded(lowest),
        "highest": _rounded(highest),
        "skewness": round(float(np.mean(skewness)), DIGITS),
        "kurtosis": round(float(np.mean(kurtosis)), DIGITS),
        "images": IMAGES,
    }


def _rounded(values: npt.NDArray[np.float64]) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") if value > _NOTHING else 0.0 for value in values]
