"""What a data set's own images say of its noise and of its signal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..denoise.confidence import outline
from ..noise.inspection import moments
from ..signal.background import ring_mask
from ..signal.region_spectrum import region_power
from ..signal.spectrum import noise_with_power

Images = npt.NDArray[np.float32]
Floats = npt.NDArray[np.float64]

RING_IMAGES = 64
"""Images whose rings are looked at."""
FROM_CARD = "of the model's training, from its card"
"""Which noise `compare_statistics` compares with."""


@dataclass(frozen=True)
class Background:
    """Noise about the particles: of the corners of their boxes."""

    power: Floats
    """(rings,) from zero frequency to Nyquist; see `noise.spectrum.radial_power`."""
    skewness: float
    kurtosis: float
    """Excess: 0 for a Gaussian."""


@dataclass(frozen=True)
class NoiseMatch:
    """How the noise of training compares with that about the particles."""

    power: Floats
    """(rings,) of the training noise, on the rings of the background; NaN where it is not known."""
    ratio: float
    """Typical factor between the two spectra inside the band: 1 where they are equal."""
    skewness: float
    kurtosis: float
    """The same of the training noise."""
    lowest: Floats | None = None
    highest: Floats | None = None
    """(rings,) power that 5 % of the images of training stay below and exceed, where known."""
    source: str = "of training"
    """Which noise this is."""


def background(raw: Images) -> Background:
    """Look at the background ring of images (n, box, box) with ring mean 0 and sd 1.

    Neighbours that reach into the ring count as noise, as they do for the network.
    """
    box = raw.shape[-1]
    ring = ring_mask(box).numpy()
    chosen = raw[np.unique(np.linspace(0, len(raw) - 1, RING_IMAGES).round().astype(int))]
    power = np.mean([region_power(image, ring, box // 2) for image in chosen], axis=0)
    pixels = moments(chosen[:, ring][:, None])
    return Background(power, float(pixels.skewness.mean()), float(pixels.kurtosis.mean()))


def compare_noise(about: Background, blocks: Images, pixel_size: float, limit: float) -> NoiseMatch:
    """Compare blocks of noise with a background.

    Parameters
    ----------
    about
        See `background`.
    blocks : (k, m, m)
        Noise with a standard deviation of about 1.
    pixel_size
        Å, of both.
    limit
        Å; beyond it the spectra are not compared.
    """
    box = blocks.shape[-1]
    everywhere = np.ones((box, box), dtype=np.bool_)
    chosen = blocks[np.unique(np.linspace(0, len(blocks) - 1, RING_IMAGES).round().astype(int))]
    window = max(16, box // 2)
    theirs = np.mean([region_power(block, everywhere, window) for block in chosen], axis=0)
    frequency = np.linspace(0, 0.5 / pixel_size, len(about.power))
    power = np.interp(frequency, np.linspace(0, 0.5 / pixel_size, len(theirs)), theirs)
    ratio, scale = _likeness(about.power, power, frequency, limit)
    pixels = moments(chosen)
    return NoiseMatch(
        power * scale, ratio, float(pixels.skewness.mean()), float(pixels.kurtosis.mean())
    )


def compare_statistics(
    about: Background, statistics: Mapping[str, Any], pixel_size: float, limit: float
) -> NoiseMatch | None:
    """Compare what a model card says of the noise of training with a background.

    Parameters
    ----------
    about
        See `background`.
    statistics
        See `noise.statistics`.
    pixel_size
        Å, of the background.
    limit
        Å; beyond it, and where the card knows nothing, the spectra are not compared.

    Returns
    -------
    match
        None where the spectra have no frequencies in common.
    """
    frequency = np.linspace(0, 0.5 / pixel_size, len(about.power))
    known = np.asarray(statistics["frequency"])
    power, lowest, highest = (
        np.interp(frequency, known, statistics[name], left=np.nan, right=np.nan)
        for name in ("mean", "lowest", "highest")
    )
    if np.isnan(power[1:]).all():
        return None
    ratio, scale = _likeness(about.power, power, frequency, limit)
    return NoiseMatch(
        power * scale, ratio, statistics["skewness"], statistics["kurtosis"],
        lowest * scale, highest * scale, FROM_CARD,
    )  # fmt: skip


def _likeness(ours: Floats, theirs: Floats, frequency: Floats, limit: float) -> tuple[float, float]:
    """Give the typical factor between spectra (rings,), and what scales theirs to ours."""
    common = (frequency > 0) & ~np.isnan(theirs)
    band = common & (frequency > 2 * frequency[1]) & (frequency < 1 / limit)
    if not band.any():
        band = common
    logs = np.log(np.maximum(theirs[band], 1e-9) / np.maximum(ours[band], 1e-9))
    # A common factor says nothing: the network scales what it sees.
    ratio = float(np.exp(np.sqrt(np.mean((logs - logs.mean()) ** 2))))
    return ratio, float(np.exp(-logs.mean()))


def estimate_snr(raw: Images, denoised: Images, about: Background, pixel_size: float) -> float:
    """Estimate the mean variance of the signal inside the particles' outlines over the noise's.

    The outlines come from the denoised images. What noise of the background's spectrum has inside
    them is taken off what the raw images have; the result may be below 0 for very noisy sets.

    Parameters
    ----------
    raw, denoised : (n, box, box)
        In units of the raw background's sd.
    about
        See `background`.
    pixel_size
        Å.
    """
    masks = outline(torch.from_numpy(denoised), pixel_size).numpy()
    power = torch.from_numpy(about.power).float()
    random = torch.Generator().manual_seed(0)
    noise = noise_with_power(power.expand(len(raw), -1), raw.shape[-1], random).numpy()
    noise /= _ring_sd(noise)
    found = [
        image[m].var() - none[m].var() for image, none, m in zip(raw, noise, masks, strict=True)
    ]
    return float(np.mean(found))


def _ring_sd(images: Images) -> Images:
    ring = images[:, ring_mask(images.shape[-1]).numpy()]
    return np.asarray(ring.std(axis=1)[:, None, None], dtype=np.float32)
