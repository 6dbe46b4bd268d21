"""Simulated micrographs: many particles of one kind in noise, with the places where they are."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..signal.ctf import CtfParameters, ctf_images
from .projection import VolumeTransform, crop_centre, random_angles, rotation_matrices, to_images


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
