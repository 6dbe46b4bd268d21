"""Simulated micrographs for the training of a segmentation network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.signal.ctf import random_ctf
from core.simulate.micrographs import particles_in_place, scatter

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.noise.source import NoiseSource
    from core.simulate.projection import VolumeTransform


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
