"""What the steps work on: structures and ice of a package, or phantoms that need nothing."""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import cached_property, partial
from multiprocessing import get_context
from typing import TYPE_CHECKING

import torch
from training_data import (
    MARGINS,
    TEST,
    VALIDATION,
    Counts,
    held_out_sets,
    noise_source,
    training_maps,
    transforms,
    unseen_sets,
)

from core.denoise.training.held_out import HeldOut, draw_held_out
from core.noise.source import BlockNoise, MixedNoise, SpectrumNoise
from core.signal.spectrum import ice_like_power
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

if TYPE_CHECKING:
    from pathlib import Path

    from core.noise.source import NoiseSource
    from core.simulate.volumes import Volume

SNRS = (0.5, 0.1, 0.05)
BATCHES = 12
"""Sets of training maps, each made by a process of its own."""
EACH = Counts(whole=3, parts=8, assemblies=30, phantoms=35)


class Material:
    """Where maps, noise and scored images come from.

    Parameters
    ----------
    data
        A package's folder with `models` and `noise`; None for phantoms and made noise.
    """

    def __init__(self, data: Path | None) -> None:
        self.data = data

    def pairs(
        self, device: torch.device, settings: PairSettings, most: int | None = None
    ) -> PairGenerator:
        """Give a source of training pairs that makes them on a device, of `most` structures."""
        volumes = transforms(self.maps[:most], device)
        return PairGenerator(volumes, noise_on(self.noise(), device), settings)

    def noise(self) -> NoiseSource:
        """Give noise for training."""
        if self.data is None:
            return MixedNoise([SpectrumNoise(ice_like_power())], [1.0])
        return noise_source(self.data, self.data, held_out=False)

    def watched(self, device: torch.device) -> HeldOut:
        """Give images to watch a training run by; nothing that is held out is in them."""
        if self.data is None:
            return moved(_phantoms(21, 0.0), device)
        return moved(unseen_sets(self.data, self.data, 128), device)

    def scored(self, device: torch.device) -> dict[str, HeldOut]:
        """Give the held-out images, by structure and mask."""
        if self.data is None:
            return {f"phantom, mask {k}": moved(_phantoms(22, m), device) for k, m in _masks()}
        return {
            f"{structure.partition('_')[2]}, mask {mask}": moved(
                held_out_sets(self.data, self.data, structure, margin=margin, snrs=SNRS), device
            )
            for structure in (VALIDATION, TEST)
            for mask, margin in _masks()
        }

    @cached_property
    def maps(self) -> list[Volume]:
        """Structures to train on."""
        if self.data is None:
            return [phantom(seed, 6.0, (90, 120)) for seed in (1, 2)]
        make = partial(_made, self.data)
        workers = min(BATCHES, os.cpu_count() or 1)
        with ProcessPoolExecutor(workers, get_context("fork")) as pool:
            return [volume for part in pool.map(make, range(BATCHES)) for volume in part]


def _made(data: Path, number: int) -> list[Volume]:
    """Make one of `BATCHES` sets of maps."""
    torch.set_num_threads(1)
    first = 1000 + number * EACH.phantoms
    return training_maps(data, 100 + number, replace(EACH, first_phantom=first))


def _masks() -> list[tuple[str, float]]:
    return list(MARGINS.items())


def _phantoms(seed: int, margin: float) -> HeldOut:
    volume = VolumeTransform(phantom(seed, 6.0, (90, 120)))
    noise = SpectrumNoise(ice_like_power())
    settings = PairSettings(neighbour_rate=0.0, mask_margin=margin)
    generators = {
        snr: PairGenerator([volume], noise, replace(settings, snr_range=(snr, snr))) for snr in SNRS
    }
    return draw_held_out(generators, 32, 6, seed)


def noise_on(noise: NoiseSource, device: torch.device) -> NoiseSource:
    """Bring a source of noise to a device."""
    if isinstance(noise, MixedNoise):
        parts = [noise_on(source, device) for source in noise.sources]
        return MixedNoise(parts, noise.weights.tolist())
    if isinstance(noise, SpectrumNoise):
        return SpectrumNoise(noise.power.to(device), noise.variation)
    assert isinstance(noise, BlockNoise)
    return BlockNoise(noise.blocks.to(device))


def moved(held_out: HeldOut, device: torch.device) -> HeldOut:
    """Bring images that were drawn on the CPU to a device; they are the same everywhere."""
    return HeldOut(
        {
            snr: replace(
                pairs,
                noisy=pairs.noisy.to(device),
                clean=pairs.clean.to(device),
                mask=pairs.mask.to(device),
            )
            for snr, pairs in held_out.sets.items()
        }
    )
