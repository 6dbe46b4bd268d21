"""What a comparison is made on: scored pairs, pairs to tune filters on, views, training pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from ...compare.clustering import draw_views
from ...compare.scores import PairSet, ViewSet
from ...compare.views import draw_noise, view_pairs
from ...denoise.views import working_box
from ...errors import IceblockError
from ...noise.source import NoiseSource, SpectrumNoise
from ...signal.ctf import joined
from ...signal.spectrum import ice_like_power
from ...simulate.ctf_rows import RandomCtf
from ...simulate.pairs import PairGenerator, PairSettings
from ...simulate.phantoms import phantom
from ...simulate.projection import VolumeTransform
from ...simulate.references import FILLED, read_reference
from ...simulate.training_noise import hold_out, noise_of, read_blocks
from ..train.geometry import WORKING_PIXEL_SIZE
from .options import CompareOptions, Size
from .pairs import read_pairs

SCORED_PHANTOMS = 4
SCORED_SEED, TRAINING_SEED = 7_000_000, 8_000_000
"""Seeds of phantoms; no model that ships was trained on these."""
NEIGHBOURS, GROUP = 0.3, 4
"""For the training pairs, as `iceblock train` has them."""
VIEW_SPREAD = 5.0
"""Degrees: views that are clustered lie about their direction with this standard deviation."""
VIEW_SHIFT = 2.0
"""Å: standard deviation of the clustered particles' offset along each axis."""
_CHUNK = 64


@dataclass(frozen=True)
class Sheet:
    """One set with all that belongs to it."""

    scored: PairSet
    validation: PairSet
    """Pairs that share no image with the scored ones."""
    views: ViewSet | None
    """Views of the first scored structure, at the set's SNR."""
    whole: PairSet | None = None
    """Further noisy images of the same set, which teach what the set has in common."""


@dataclass(frozen=True)
class TrainingPairs:
    """What the networks that are trained here learn from."""

    pairs: PairGenerator
    box: int
    """Pixels."""
    pixel_size: float
    """Å."""


@dataclass(frozen=True)
class Inputs:
    """Everything that is compared on."""

    sheets: list[Sheet]
    structures: list[str]
    """Names of the scored volumes."""
    noise: list[str]
    """Names of the scored noise."""
    remarks: list[str]


def read_inputs(options: CompareOptions, device: torch.device) -> Inputs:
    """Read or simulate the pairs; the same options give the same pairs.

    Parameters
    ----------
    options
        See `CompareOptions`.
    device
        Where pairs are made and scored.
    """
    size, remarks = options.size(), list[str]()
    if options.noisy:
        sheets = [
            _from_files(noisy, clean, size, options.seed)
            for noisy, clean in zip(options.noisy, options.clean, strict=True)
        ]
        names = [sheet.scored.name for sheet in sheets]
        if len(set(names)) < len(names):
            raise IceblockError(
                f"Sets of the same name were given ({', '.join(names)}): rename a folder, by which "
                "the set in its particles.star is called."
            )
        remarks.append("Clustering is left out: pairs from files show no views about directions.")
        return Inputs(sheets, [str(path) for path in options.clean], [], remarks)
    volumes = scored_volumes(options, size, device, remarks)
    noise = _noise(options, size.box, size.pixel_size, device, remarks)
    sheets = []
    for snr in options.snrs:
        settings = PairSettings(snr_range=(snr, snr), neighbour_rate=0.0, group=GROUP)
        scored = PairGenerator(volumes, noise.scored, settings)
        tuning = PairGenerator(volumes, noise.tuning, settings)
        endless = PairGenerator(volumes, noise.endless, settings)
        name = f"SNR {snr:g}"
        sheets.append(
            Sheet(
                _draw(scored, name, size.number, size, [options.seed, 1]),
                _draw(tuning, name, size.validation, size, [options.seed, 2]),
                _views(volumes[0], noise.scored, snr, size, options.seed),
                _draw(endless, name, size.whole, size, [options.seed, 5]) if size.whole else None,
            )
        )
    return Inputs(sheets, [volume.name for volume in volumes], noise.names, remarks)


def _from_files(noisy: Path, clean: Path, size: Size, seed: int) -> Sheet:
    scored, validation, whole = read_pairs(
        noisy, clean, size.number, size.validation, seed, size.whole
    )
    return Sheet(scored, validation, None, whole)


def scored_volumes(
    options: CompareOptions, size: Size, device: torch.device, remarks: list[str]
) -> list[VolumeTransform]:
    """Read the scored structures, or make phantoms that fit the box."""
    if options.volumes:
        return _read(options.volumes, size.pixel_size, device, remarks)
    return _phantoms(SCORED_PHANTOMS, SCORED_SEED, options.seed, size.box, size.pixel_size, device)


def training_pairs(
    options: CompareOptions, pixel_size: float, box: int, device: torch.device
) -> TrainingPairs:
    """Give pairs at the pixel size at which the networks will see images.

    Parameters
    ----------
    options
        See `CompareOptions`.
    pixel_size, box
        Of the scored images: Å, pixels.
    device
        Where to train.
    """
    seen = working_box(box, pixel_size, WORKING_PIXEL_SIZE)
    size = box * pixel_size / seen
    volumes = _read(options.train_volumes, size, device, [])
    volumes += _phantoms(options.phantoms, TRAINING_SEED, options.seed, seen, size, device)
    noise = _noise(options, seen, size, device, []).tuning
    settings = PairSettings(neighbour_rate=NEIGHBOURS, group=GROUP)
    return TrainingPairs(PairGenerator(volumes, noise, settings), seen, size)


def _read(
    paths: Sequence[Path], pixel_size: float, device: torch.device, remarks: list[str]
) -> list[VolumeTransform]:
    volumes = []
    for path in paths:
        volume, said = read_reference(path, pixel_size)
        remarks += said
        volumes.append(VolumeTransform(volume, device))
    return volumes


def _phantoms(
    count: int, first: int, seed: int, box: int, pixel_size: float, device: torch.device
) -> list[VolumeTransform]:
    high = 0.95 * FILLED * box * pixel_size
    low = min(90.0, high / 2)
    seeds = range(first + 10_000 * seed, first + 10_000 * seed + count)
    return [VolumeTransform(phantom(k, pixel_size, (low, high)), device) for k in seeds]


class _Noise(NamedTuple):
    """Noise for each purpose."""

    scored: NoiseSource
    """To score on."""
    tuning: NoiseSource
    """To tune and train on."""
    endless: NoiseSource
    """With the spectrum of the noise to score on; no piece of it comes twice."""
    names: list[str]
    """Of the micrographs of the noise to score on."""


def _noise(
    options: CompareOptions,
    box: int,
    pixel_size: float,
    device: torch.device,
    remarks: list[str],
) -> _Noise:
    """Read the noise, or make some with a spectrum like that of ice."""
    if not options.noise:
        ice = SpectrumNoise(ice_like_power().to(device), variation=0.2)
        return _Noise(ice, ice, ice, ["noise with an ice-like spectrum"])
    banks = [read_blocks(path, pixel_size) for path in options.noise]
    if options.train_noise:
        apart, rest = banks, [read_blocks(path, pixel_size) for path in options.train_noise]
    else:
        split = [hold_out(bank) for bank in banks]
        rest, apart = [part[0] for part in split], [part[1] for part in split]
        remarks += [part[2] for part in split if part[2]]
    scored, said = noise_of(apart, [box], device)
    tuning, _ = noise_of(rest, [box], device)
    remarks += [remark for bank in banks for remark in bank.remarks] + said
    # Each particle of a set has noise of its own. Boxes larger than all blocks get their spectra.
    endless, _ = noise_of(apart, [max(len(bank.blocks[0]) for bank in apart) + 1], device)
    return _Noise(scored, tuning, endless, [bank.names() for bank in apart])


def _draw(generator: PairGenerator, name: str, n: int, size: Size, seed: Sequence[int]) -> PairSet:
    rng = np.random.default_rng(seed)
    noise = torch.Generator(generator.volumes[0].device).manual_seed(int(rng.integers(2**62)))
    counts = [min(_CHUNK, n - start) for start in range(0, n, _CHUNK)]
    drawn = [generator.draw(count, size.box, rng, noise) for count in counts]
    return PairSet(
        name,
        torch.cat([pairs.noisy for pairs in drawn]),
        torch.cat([pairs.clean for pairs in drawn]),
        torch.cat([pairs.mask for pairs in drawn]),
        size.pixel_size,
        joined([pairs.ctf for pairs in drawn]),
    )


def _views(
    volume: VolumeTransform, noise: NoiseSource, snr: float, size: Size, seed: int
) -> ViewSet | None:
    """Draw views about directions spread over the sphere, without a turn in the image's plane."""
    if size.directions < 2:
        return None
    rng = np.random.default_rng([seed, 3])
    random = torch.Generator(volume.device).manual_seed(int(rng.integers(2**62)))
    angles, labels = draw_views(size.directions, size.views, VIEW_SPREAD, rng)
    n = len(labels)
    shifts = rng.normal(0, VIEW_SHIFT, (n, 2)) / size.pixel_size
    ctf = RandomCtf(PairSettings().defocus_range).draw(rng, n)
    drawn = draw_noise(noise, n, size.box, random)
    pairs = view_pairs(volume, angles, shifts, ctf, drawn, snr)
    return ViewSet(pairs.noisy, pairs.clean, labels, size.directions, ctf)
