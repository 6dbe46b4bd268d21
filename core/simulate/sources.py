"""A source of pairs from files (maps, atomic models, noise banks) and from phantoms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ..errors import IceblockError
from ..images.mrc.reader import read_header, read_images
from ..noise.bank import SAME_PIXEL_SIZE, NoiseBank
from ..noise.source import BlockNoise, MixedNoise, NoiseSource, SpectrumNoise
from ..signal.fourier import fourier_resize
from ..signal.spectrum import ice_like_power
from .pairs import PairGenerator, PairSettings
from .phantoms import phantom
from .projection import VolumeTransform
from .volumes import read_volume

LARGEST_BYTES = 1 << 30
"""Blocks of a larger bank are taken spread evenly over it."""
_CHUNK = 256


def pair_generator(
    volumes: Sequence[Path],
    phantoms: Sequence[int],
    noise: Sequence[Path],
    pixel_size: float,
    settings: PairSettings,
    remark: Callable[[str], None] = lambda text: None,
) -> PairGenerator:
    """Make a source of pairs.

    Parameters
    ----------
    volumes
        Maps and atomic models.
    phantoms
        Seeds of phantoms to add.
    noise
        Noise banks (a folder or a blocks.star), and stacks of noise blocks of this pixel size;
        without any, noise with an ice-like spectrum.
    pixel_size
        Å of the images.
    settings
        Ranges.
    remark
        Told what is done to noise of another pixel size.
    """
    densities = [read_volume(path, pixel_size) for path in volumes]
    densities += [phantom(seed, pixel_size) for seed in phantoms]
    transforms = [VolumeTransform(d) for d in densities]
    return PairGenerator(transforms, _noise_source(noise, pixel_size, remark), settings)


def _noise_source(
    paths: Sequence[Path], pixel_size: float, remark: Callable[[str], None]
) -> NoiseSource:
    if not paths:
        return SpectrumNoise(ice_like_power(), variation=0.2)
    sources = []
    for path in paths:
        if path.is_dir() or path.suffix.lower() == ".star":
            blocks = _bank_blocks(path, pixel_size, remark)
        else:
            stack = read_header(path)
            blocks = torch.from_numpy(read_images(stack, np.arange(stack.n_images)))
        sd = blocks.std(dim=(1, 2), keepdim=True, correction=0)
        if not bool((torch.isfinite(sd) & (sd > 0)).all()):
            raise IceblockError(f"{path} holds noise blocks that are constant or NaN: remove them.")
        sources.append(BlockNoise(blocks / sd))
    return MixedNoise(sources, [float(len(s.blocks)) for s in sources])


def _bank_blocks(path: Path, pixel_size: float, remark: Callable[[str], None]) -> torch.Tensor:
    """Read the blocks of a bank, at another pixel size where that differs by more than 1 %."""
    bank = NoiseBank.read(path)
    ratio = bank.pixel_size / pixel_size
    box = bank.box
    if abs(ratio - 1) > SAME_PIXEL_SIZE:
        box = round(bank.box * ratio)
        lost = f", without any noise beyond {2 * bank.pixel_size:.3g} Å" if ratio > 1 else ""
        remark(
            f"{bank.path}: blocks of {bank.box} pixels of {bank.pixel_size:.4g} Å were resampled "
            f"to {box} pixels of {pixel_size:.4g} Å{lost}"
        )
    rows = bank.sample(max(1, LARGEST_BYTES // (4 * max(box, bank.box) ** 2)))
    blocks = torch.empty(len(rows), box, box)
    for start in range(0, len(rows), _CHUNK):
        piece = torch.from_numpy(bank.blocks(rows[start : start + _CHUNK]))
        blocks[start : start + len(piece)] = fourier_resize(piece, box)
    return blocks
