"""Simulated micrographs: many particles of one kind in noise, with the places where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..signal.ctf import ctf_images, random_ctf
from .projection import crop_centre, random_angles, rotation_matrices, to_images

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..noise.source import NoiseSource
    from ..signal.ctf import CtfParameters
    from .projection import VolumeTransform


def scatter(
    side: int, distance: float, n: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Random places no two of which are nearer than `distance` pixels.

    Parameters
    ----------
    side
        Of the square that they lie in, pixels.
    distance
        Pixels.
    n
        How many are tried; crowding leaves fewer.
    rng
        Source of randomness.

    Returns
    -------
    places : (k, 2)
        y, x.
    """
    kept = np.empty((0, 2))
    for place in rng.uniform(0, side, (n, 2)):
        if len(kept) == 0 or np.hypot(*(kept - place).T).min() >= distance:
            kept = np.vstack([kept, place])
    return kept


def simulate_micrograph(
    volume: VolumeTransform,
    noise: NoiseSource,
    side: int,
    coverage: float,
    snr: float,
    defocus_range: tuple[float, float],
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Make a micrograph with dark particles, as a microscope gives them.

    Parameters
    ----------
    volume
        What the particles are; its pixel size is the micrograph's.
    noise
        Source of noise with sd 1.
    side
        Pixels.
    coverage
        Part of the area that the particles would take if they all found room.
    snr
        Variance of a particle inside its disc over the variance of the noise.
    defocus_range
        Å.
    rng
        Source of randomness, of the noise too.

    Returns
    -------
    micrograph : (side, side) float32
    places : (n, 2)
        y, x of the particles' centres in pixels.
    """
    generator = torch.Generator().manual_seed(int(rng.integers(2**62)))
    micrograph = -noise.draw(1, side, generator)[0].numpy()
    diameter = volume.diameter / volume.pixel_size
    wanted = round(coverage * side**2 / (np.pi * diameter**2 / 4))
    places = scatter(side, rng.uniform(0.6, 1.0) * diameter, wanted, rng)
    if not len(places):
        return micrograph.astype(np.float32), places
    ctf = random_ctf(rng, 1, defocus_range)
    micrograph += particles_in_place(side, volume, places, ctf, snr, rng)
    return micrograph.astype(np.float32), np.rint(places)


def particles_in_place(
    side: int,
    volume: VolumeTransform,
    places: npt.NDArray[np.float64],
    ctf: CtfParameters,
    snr: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.float32]:
    """Draw dark particles in random poses at given places, without noise.

    Parameters
    ----------
    side
        Pixels.
    volume
        What the particles are; its pixel size is the micrograph's.
    places : (n, 2)
        y, x of their centres in pixels, at least one; rounded to whole pixels.
    ctf
        One, that of the micrograph.
    snr
        Variance of a particle inside its disc, noise having a variance of 1.
    rng
        Source of randomness.

    Returns
    -------
    signal : (side, side) float32
    """
    diameter = volume.diameter / volume.pixel_size
    factor = ctf_images(ctf, volume.pixel_size, volume.padded_box)
    spectra = volume.slices(rotation_matrices(random_angles(rng, len(places))))
    window = 2 * int(0.75 * diameter)
    images = crop_centre(to_images(spectra * factor), window).numpy()
    half = window // 2
    yy, xx = np.ogrid[-half:half, -half:half]
    inside = yy**2 + xx**2 <= (diameter / 2) ** 2
    gain = np.sqrt(snr / max(float(images[:, inside].var()), 1e-20))
    wide = np.zeros((side + 2 * window, side + 2 * window), dtype=np.float32)
    for (y, x), image in zip(np.rint(places).astype(int) + window - half, images, strict=True):
        wide[y : y + window, x : x + window] -= np.float32(gain) * image
    return wide[window:-window, window:-window]
