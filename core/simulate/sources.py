"""A source of pairs from files (maps, atomic models, noise blocks) and from phantoms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..errors import IceblockError
from ..images.mrc import read_header, read_images
from ..noise.source import BlockNoise, MixedNoise, SpectrumNoise
from ..noise.spectrum import ice_like_power
from .pairs import PairGenerator
from .phantoms import phantom
from .projection import VolumeTransform
from .volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ..noise.source import NoiseSource
    from .pairs import PairSettings


def pair_generator(
    volumes: Sequence[Path],
    phantoms: Sequence[int],
    noise: Sequence[Path],
    pixel_size: float,
    settings: PairSettings,
) -> PairGenerator:
    """Make a source of pairs.

    Parameters
    ----------
    volumes
        Maps and atomic models.
    phantoms
        Seeds of phantoms to add.
    noise
        Stacks of noise blocks; without any, noise with an ice-like spectrum.
    pixel_size
        Å of the images.
    settings
        Ranges.
    """
    densities = [read_volume(path, pixel_size) for path in volumes]
    densities += [phantom(seed, pixel_size) for seed in phantoms]
    transforms = [VolumeTransform(d) for d in densities]
    return PairGenerator(transforms, _noise_source(noise), settings)


def _noise_source(paths: Sequence[Path]) -> NoiseSource:
    if not paths:
        return SpectrumNoise(ice_like_power(), variation=0.2)
    sources = []
    for path in paths:
        stack = read_header(path)
        blocks = torch.from_numpy(read_images(stack, np.arange(stack.n_images)))
        sd = blocks.std(dim=(1, 2), keepdim=True, correction=0)
        if not bool((torch.isfinite(sd) & (sd > 0)).all()):
            raise IceblockError(f"{path} holds noise blocks that are constant or NaN: remove them.")
        sources.append(BlockNoise(blocks / sd))
    return MixedNoise(sources, [float(len(s.blocks)) for s in sources])
