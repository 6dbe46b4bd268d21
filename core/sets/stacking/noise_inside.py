"""The noise inside the particle, told apart from the signal by the CTF.

The background tells the noise around particles. Inside, it may by chance or by thicker ice be a
little weaker or stronger. Where noise is fifty times as strong as the signal, a little is much. But
from image to image the signal's power follows the squared CTF, and the noise's does not. So a line
through the images' power over their squared CTF meets 0 at the power of the noise.
"""

from __future__ import annotations

import numpy as np
import torch

from ...signal.ctf import CtfParameters, ctf_profiles
from .correlation import DOUBT
from .noise_level import noise_in
from .region import particle


def inside(
    images: torch.Tensor, ctf: CtfParameters, pixel_size: float, power: torch.Tensor
) -> torch.Tensor:
    """Tell by which factor noise inside the particle is stronger than the background's.

    Parameters
    ----------
    images : (n, box, box)
        Of a set.
    ctf
        n of them.
    pixel_size
        Å.
    power : (rings,)
        Of the noise, from `noise_level.spectrum_of_noise`.

    Returns
    -------
    factor : (rings,)
        1 where the CTF tells nothing.
    """
    region, n = particle(images), len(images)
    expected = noise_in([region], power)[0]
    seen = torch.cat(
        [region.products(*(2 * [region.of(some)])) for some in torch.split(images, 64)]
    )
    seen = seen / expected
    frequencies = np.arange(region.rings) / images.shape[-1]
    passed = torch.from_numpy(ctf_profiles(ctf, frequencies, pixel_size)).square()
    mean = passed.mean(0)
    apart = passed - mean
    spread = apart.square().sum(0).clamp(min=1e-12)
    slope = (apart * seen).sum(0) / spread
    noise = seen.mean(0) - slope * mean
    left = (seen - noise - slope * passed).square().mean(0)
    sampling = left * (1 / n + mean.square() / spread)
    # The region mixes neighbouring rings, so the signal of a ring does not follow this ring's CTF
    # alone. The more signal the line tells, the less its noise is trusted.
    share = DOUBT**2 / (DOUBT**2 + sampling + (slope * mean).square())
    return (1 + (noise - 1) * share).float()
