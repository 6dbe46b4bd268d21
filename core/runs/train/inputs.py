"""What a training run learns from: volumes, noise and CTFs, with a part of them held out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ...denoise.model_file import ModelCard
from ...denoise.training.held_out import HeldOut, draw_held_out, images_for, snrs_within
from ...denoise.training.presets import PRESETS
from ...errors import IceblockError
from ...images.particles import read_particles
from ...noise.bank import BLOCKS, TABLE
from ...noise.source import NoiseSource
from ...remarks import warn
from ...simulate.ctf_rows import CtfSource, RandomCtf, ctf_rows
from ...simulate.pairs import PairGenerator, PairSettings
from ...simulate.phantoms import phantom
from ...simulate.projection import VolumeTransform
from ...simulate.references import FILLED, box_for, read_reference
from ...simulate.training_noise import hold_out, noise_of, read_blocks, too_small
from ...wording import counted, offered
from ..stamps import fingerprint
from .geometry import TrainingGeometry, choose_geometry, warn_out_of_range
from .options import TrainOptions

SMALLEST_BOX = 64
"""Pixels, where nothing but the volumes decides."""
ROOM = 1.35
"""Such boxes are this much larger than a particle needs, as boxes usually are."""
HELD_OUT = 5
"""One in so many volumes is held out."""
GROUP = 4
"""Images in a row that show one volume."""
NEIGHBOURS = 0.3
"""Mean number of neighbours about a particle."""
PHANTOM_SEED, HELD_OUT_PHANTOMS = 2_000_000, 2


@dataclass(frozen=True)
class TrainingInputs:
    """Everything that a run learns from and is judged on."""

    pairs: PairGenerator
    held_out: HeldOut
    box: int
    """Pixels."""
    geometry: TrainingGeometry
    defocus_range: tuple[float, float]
    """Å."""
    volumes: tuple[str, ...]
    noise: tuple[str, ...]
    """Names with fingerprints, for the model card."""
    held_out_names: tuple[str, ...]
    remarks: tuple[str, ...]
    """What the user should know."""


def read_inputs(
    options: TrainOptions, card: ModelCard | None, device: torch.device
) -> TrainingInputs:
    """Read everything, and put right or refuse what is not as it should be.

    Parameters
    ----------
    options
        See `TrainOptions`.
    card
        Of the model to start from.
    device
        Where pairs are made.
    """
    particles = None
    if options.particles is not None:
        particles = read_particles(
            options.particles, options.particle_pixel_size, datadir=options.datadir
        )
    geometry = choose_geometry(options, particles, card, PRESETS[options.preset].box)
    warn_out_of_range(geometry.pixel_size, card)
    remarks = list(geometry.remarks)
    ctf: CtfSource | None = ctf_rows(particles) if particles is not None else None
    if ctf is None:
        ctf = RandomCtf(PairSettings().defocus_range)
        why = (
            f"{options.particles} has no CTF that can be used"
            if options.particles
            else "No --particles"
        )
        low, high = (value / 1e4 for value in ctf.defocus_range)
        remarks.append(f"{why}: defocus is drawn from {low:g} to {high:g} µm.")
    volumes = _read_volumes(options.volumes, geometry.pixel_size, device, remarks)
    apart = _read_volumes(options.held_out, geometry.pixel_size, device, remarks)
    box = geometry.box or _box_of([*volumes, *apart], geometry.pixel_size)
    _require_room([*options.volumes, *options.held_out], [*volumes, *apart], box)
    volumes, apart = _hold_out_volumes(options, volumes, apart, remarks)
    known = tuple(_signed(path) for path in options.volumes[: len(volumes)])
    volumes, apart = _add_phantoms(options, volumes, apart, box, geometry.pixel_size, device)
    noise, noise_apart, noise_names = _read_noise(options.noise, geometry, box, device, remarks)
    settings = PairSettings(
        snr_range=options.snr_range or PairSettings().snr_range,
        neighbour_rate=NEIGHBOURS,
        group=GROUP,
    )
    return TrainingInputs(
        pairs=PairGenerator(volumes, noise, settings, ctf),
        held_out=_draw_held_out(apart, noise_apart, settings, ctf, box, options.seed),
        box=box,
        geometry=geometry,
        defocus_range=ctf.defocus_range,
        volumes=known + _phantom_name(options.phantoms),
        noise=tuple(_signed_noise(path) for path in options.noise),
        held_out_names=(*(volume.name for volume in apart), *noise_names),
        remarks=tuple(remarks),
    )


def _read_volumes(
    paths: Sequence[Path], pixel_size: float, device: torch.device, remarks: list[str]
) -> list[VolumeTransform]:
    transforms = []
    for path in paths:
        volume, said = read_reference(path, pixel_size)
        remarks += said
        transforms.append(VolumeTransform(volume, device))
    return transforms


def _box_of(volumes: Sequence[VolumeTransform], pixel_size: float) -> int:
    """Choose a box for volumes alone."""
    diameter = max((volume.diameter for volume in volumes), default=0.0)
    return max(SMALLEST_BOX, box_for(ROOM * diameter, pixel_size))


def _require_room(paths: Sequence[Path], volumes: Sequence[VolumeTransform], box: int) -> None:
    for path, volume in zip(paths, volumes, strict=True):
        room = FILLED * box * volume.pixel_size
        if volume.diameter > room:
            needed = box_for(volume.diameter, volume.pixel_size)
            advice = offered([f"give --box {needed} or more, or leave it out"])
            raise IceblockError(
                f"Volume {path} is {volume.diameter:.0f} Å across, and a box of {box} pixels of "
                f"{volume.pixel_size:.3g} Å holds particles of {room:.0f} Å"
                f"{': ' if advice else ''}{advice}."
            )


def _hold_out_volumes(
    options: TrainOptions,
    volumes: list[VolumeTransform],
    apart: list[VolumeTransform],
    remarks: list[str],
) -> tuple[list[VolumeTransform], list[VolumeTransform]]:
    if apart or not volumes:
        return volumes, apart
    if len(volumes) == 1:
        advice = offered(["give --held-out for a structure that the network has not seen"])
        said = f"Validated on other views of {options.volumes[0]} itself"
        remarks.append(f"{said}: {advice}." if advice else f"{said}.")
        return volumes, volumes
    count = max(1, len(volumes) // HELD_OUT)
    names = ", ".join(str(path) for path in options.volumes[-count:])
    remarks.append(f"Held out for validation: {names}.")
    return volumes[:-count], volumes[-count:]


def _add_phantoms(
    options: TrainOptions,
    volumes: list[VolumeTransform],
    apart: list[VolumeTransform],
    box: int,
    pixel_size: float,
    device: torch.device,
) -> tuple[list[VolumeTransform], list[VolumeTransform]]:
    """Add phantoms that fit the box; others are validated on where there is nothing else."""
    high = 0.95 * FILLED * box * pixel_size
    low = min(90.0, high / 2)

    def make(number: int) -> VolumeTransform:
        seed = PHANTOM_SEED + 10_000 * options.seed + number
        return VolumeTransform(phantom(seed, pixel_size, (low, high)), device)

    added = [make(number) for number in range(options.phantoms)]
    if not apart:
        apart = [make(9_000 + number) for number in range(HELD_OUT_PHANTOMS)]
    return [*volumes, *added], apart


def _read_noise(
    paths: Sequence[Path],
    geometry: TrainingGeometry,
    box: int,
    device: torch.device,
    remarks: list[str],
) -> tuple[NoiseSource, NoiseSource, list[str]]:
    """Noise to train with, noise to validate with, and the names of the latter."""
    training, apart = [], []
    for path in paths:
        blocks = read_blocks(path, geometry.pixel_size)
        rest, held, said = hold_out(blocks)
        remarks += [*blocks.remarks, *([said] if said else [])]
        training.append(rest)
        apart.append(held)
    if warning := too_small(training, box):
        warn(warning)
    noise, said_of_noise = noise_of(training, [box], device)
    remarks += said_of_noise
    held_noise, _ = noise_of(apart, [box], device)
    return noise, held_noise, [bank.names() for bank in apart]


def _draw_held_out(
    volumes: Sequence[VolumeTransform],
    noise: NoiseSource,
    settings: PairSettings,
    ctf: CtfSource,
    box: int,
    seed: int,
) -> HeldOut:
    generators = {
        snr: PairGenerator(
            volumes, noise, replace(settings, snr_range=(snr, snr), neighbour_rate=0.0), ctf
        )
        for snr in snrs_within(settings.snr_range)
    }
    return draw_held_out(generators, box, images_for(box), seed)


def _signed(path: Path) -> str:
    return f"{path.name} (sha256 {fingerprint(path)[:16]})"


def _signed_noise(path: Path) -> str:
    """Name a bank with the fingerprint of its blocks and of what is known of them."""
    folder = path if path.is_dir() else path.parent
    files = [folder / TABLE, folder / BLOCKS] if path.is_dir() else [path]
    signs = [fingerprint(file)[:16] for file in files if file.is_file()]
    return f"{path} (sha256 {' '.join(signs)})"


def _phantom_name(count: int) -> tuple[str, ...]:
    return (counted(count, "phantom"),) if count else ()
