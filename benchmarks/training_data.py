"""What the shipped denoiser learns from and is scored on; shared by the benchmarks that train.

DATA holds models/*.pdb.gz and projects/* (RELION-style projects with Micrographs and AutoPick).
Held out of training: the structures VALIDATION (on which choices are made) and TEST (only scored),
and the last micrograph of every project.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from assemblies import assembly, bent, chain_names, nearest_chains, subset

from core.denoise.training.held_out import HeldOut, draw_held_out
from core.noise.source import BlockNoise, MixedNoise, SpectrumNoise
from core.runs.noise.options import NoiseOptions
from core.runs.noise.run import run as cut_noise
from core.signal.spectrum import radial_power
from core.simulate.atomic_models import (
    density_of_model,
    positions,
    read_model,
)
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.simulate.training_noise import TrainingBlocks, hold_out, read_blocks
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import gemmi

    from core.simulate.volumes import Volume

STRUCTURES = ("70S_grp0", "1aon_GroEL-ES", "1oel_GroEL", "4hhb_hemoglobin")
VALIDATION, TEST = "3j5p_TRPV1", "5a1a_bgal"
PROJECTS = {  # particle diameter (Å), blocks (pixels of the micrographs), pixel size (Å) to use
    "empiar10028_80S": (300, (72, 96), 5.36),
    "empiar10059_trpv1": (150, (32,), 4.4042),
    "empiar10146_apoferritin": (140, (64,), 4.0),
}
REAL_BLOCKS_OF = "empiar10028_80S"
"""The others' blocks are too small and give their spectra."""
FINE = "empiar10146_apoferritin"
PIXEL_SIZES = (3.7, 5.5)
LARGEST = 430.0
"""Å: larger assemblies are left out."""
SCORED = (0.5, 0.1, 0.05, 0.02, 0.01)
"""SNRs."""
MARGINS = {"tight": 0.0, "+ 16 Å": 16.0}
"""Å about the particle (8 % of the projection's maximum) that belong to its mask."""


@dataclass(frozen=True)
class Counts:
    """How many volumes of each kind to make."""

    whole: int = 6
    """Bent copies of each whole structure."""
    parts: int = 20
    """Compact sub-complexes of each structure with more than one chain."""
    assemblies: int = 90
    phantoms: int = 120
    first_phantom: int = 1000
    """Seed of the first of them; each has one of its own."""


def structure_file(data: Path, name: str) -> Path:
    """Give the file of an atomic model."""
    return data / "models" / f"{name}.pdb.gz"


def training_volumes(data: Path, seed: int, counts: Counts | None = None) -> list[VolumeTransform]:
    """Give the transforms of the `training_maps` that are large and small enough."""
    return transforms(training_maps(data, seed, counts))


def transforms(maps: Iterable[Volume], device: torch.device | str = "cpu") -> list[VolumeTransform]:
    """Transform maps of particles of 40 Å to `LARGEST`, on the device to draw pairs on."""
    found = (VolumeTransform(volume, device) for volume in maps)
    return [v for v in found if 40 < v.diameter < LARGEST]


def training_maps(data: Path, seed: int, counts: Counts | None = None) -> list[Volume]:
    """Make bent structures, sub-complexes, symmetric assemblies of chains, and phantoms.

    Parameters
    ----------
    data, seed, counts
        Each volume has a pixel size of its own, drawn from `PIXEL_SIZES`, and a resolution
        between 2 and 3.2 pixels.
    """
    counts, rng = counts or Counts(), np.random.default_rng(seed)
    models = [read_model(structure_file(data, name)) for name in STRUCTURES]
    found = []
    for model in models:
        chosen = [model] * counts.whole + [_part(model, rng) for _ in range(counts.parts)]
        found += [_volume(bent(part, rng, rng.uniform(0.5, 4.0)), rng) for part in chosen]
    for _ in range(counts.assemblies):
        subunit = _part(models[int(rng.integers(len(models)))], rng, 2)
        found.append(_volume(bent(assembly(subunit, rng), rng, rng.uniform(0.5, 4.0)), rng))
    for k in range(counts.phantoms):
        pixel_size = float(rng.uniform(*PIXEL_SIZES))
        resolution = float(rng.uniform(2.0, 3.2)) * pixel_size
        size = float(np.exp(rng.uniform(np.log(70), np.log(330))))
        number = counts.first_phantom + k
        found.append(phantom(number, pixel_size, (0.9 * size, 1.1 * size), resolution))
    return [volume for volume in found if volume is not None]


def _part(
    model: gemmi.Structure, rng: np.random.Generator, most: int | None = None
) -> gemmi.Structure:
    """Take some neighbouring chains."""
    chains = chain_names(model)
    count = int(rng.integers(1, min(most or len(chains), len(chains)) + 1))
    return subset(model, nearest_chains(model, str(rng.choice(chains)), count))


def _volume(model: gemmi.Structure, rng: np.random.Generator) -> Volume | None:
    pixel_size = float(rng.uniform(*PIXEL_SIZES))
    resolution = float(rng.uniform(2.0, 3.2)) * pixel_size
    if np.ptp(positions(model), axis=0).max() > LARGEST:
        return None
    return density_of_model(model, pixel_size, resolution)


def bank(
    data: Path, work: Path, project: str, box: int, pixel_size: float | None = None
) -> TrainingBlocks:
    """Noise of a project's micrographs, cut into WORK/noise where that was not done before."""
    diameter, _, usual = PROJECTS[project]
    out = work / "noise" / f"{project}_{box}"
    folder = data / "projects" / project
    options = NoiseOptions(
        micrographs=(folder / "Micrographs",),
        picks=folder / "AutoPick/job002/autopick.star",
        out=out,
        box=box,
        particle_diameter=diameter,
        command="benchmarks/training_data.py",
    )
    if not (out / "blocks.star").is_file():
        cut_noise(options, progress=sys.stderr)
    return read_blocks(out, pixel_size or usual)


def noise_source(data: Path, work: Path, held_out: bool) -> MixedNoise:
    """Real 80S ice in blocks, and spectra of all three projects and of white noise."""
    blocks = {}
    for project, (_, boxes, _) in PROJECTS.items():
        for box in boxes:
            parts = hold_out(bank(data, work, project, box))[:2]
            blocks[project, box] = parts[int(held_out)]
            print(project, box, "blocks:", len(blocks[project, box].blocks), flush=True)
    real = [b.blocks for (project, _), b in blocks.items() if project == REAL_BLOCKS_OF]
    spectra = [
        radial_power(b.blocks[torch.from_numpy(b.micrographs == name)], 33).mean(0)
        for b in blocks.values()
        for name in sorted(set(b.micrographs.tolist()))
    ]
    power = torch.stack([s / s.mean() for s in spectra] + [torch.ones(33)] * (not held_out))
    spectrum = SpectrumNoise(power, variation=0.0 if held_out else 0.3)
    sources = [BlockNoise(b / b.std(dim=(1, 2), keepdim=True)) for b in real]
    return MixedNoise([*sources, spectrum], [0.45, 0.15, 0.4])


def fine_noise(data: Path, work: Path, pixel_size: float) -> SpectrumNoise:
    """Held-out noise at a pixel size that the micrographs of `FINE` alone reach: its spectrum."""
    _, (box,), _ = PROJECTS[FINE]
    apart = hold_out(bank(data, work, FINE, box, pixel_size))[1]
    return SpectrumNoise(radial_power(apart.blocks, 33).mean(0, keepdim=True), 0.0)


def settings_at(snr: float, margin: float) -> PairSettings:
    """Give what held-out particles look like."""
    return PairSettings(snr_range=(snr, snr), neighbour_rate=0.0, shift_sd=4.0, mask_margin=margin)


def held_out_sets(
    data: Path,
    work: Path,
    structure: str,
    box: int = 64,
    pixel_size: float = 5.36,
    n: int = 128,
    margin: float = 0.0,
    snrs: tuple[float, ...] = SCORED,
) -> HeldOut:
    """Pairs of a held-out structure and held-out noise at fixed SNRs.

    The mask that is scored in, and that the SNR holds in, has a margin (Å) about the particle.
    """
    volume = VolumeTransform(read_volume(structure_file(data, structure), pixel_size))
    fine = pixel_size < PIXEL_SIZES[0]
    noise = fine_noise(data, work, pixel_size) if fine else noise_source(data, work, held_out=True)
    generators = {snr: PairGenerator([volume], noise, settings_at(snr, margin)) for snr in snrs}
    return draw_held_out(generators, box, n, seed=7)


def unseen_sets(
    data: Path, work: Path, n: int, snrs: tuple[float, ...] = (0.5, 0.1, 0.05)
) -> HeldOut:
    """Pairs of other relatives of the training structures, to watch a training run by.

    Neither the structures nor the micrographs that are held out have a part in them.
    """
    volumes = training_volumes(data, 9, Counts(whole=1, parts=2, assemblies=8, phantoms=0))
    noise = noise_source(data, work, held_out=False)
    generators = {snr: PairGenerator(volumes, noise, settings_at(snr, 0.0)) for snr in snrs}
    return draw_held_out(generators, 64, n, seed=8)
