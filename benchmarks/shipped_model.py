"""Train and score the model that ships.

    python benchmarks/shipped_model.py DATA WORK --steps 6000 --threads 2

DATA holds models/*.pdb.gz and projects/* (RELION-style projects with Micrographs and AutoPick);
WORK takes checkpoints and is picked up again when it holds some. Held out of training and used for
scores only: the structures in HELD_OUT and the last micrograph of every project.
"""

from __future__ import annotations

import copy
import json
import sys
import warnings
from dataclasses import asdict, replace
from pathlib import Path

import click
import numpy as np
import torch

from core.denoise.generator import PRESETS, Generator
from core.denoise.model_file import ModelCard, load_model, save_model
from core.denoise.training import Trainer, TrainingConfig, Watcher
from core.evaluate.held_out import HeldOut, draw_held_out, mean, named, trivial_methods
from core.evaluate.metrics import widen
from core.noise.source import BlockNoise, MixedNoise, SpectrumNoise
from core.noise.spectrum import radial_power
from core.runs.extracting import run as cut_noise
from core.runs.noise_options import NoiseOptions
from core.simulate.atomic_models import (
    chain_names,
    density_of_model,
    nearest_chains,
    read_model,
    subset,
)
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.simulate.training_noise import TrainingBlocks, hold_out, read_blocks
from core.simulate.volumes import read_volume

warnings.simplefilter("ignore")

STRUCTURES = ["70S_grp0", "1aon_GroEL-ES", "1oel_GroEL", "4hhb_hemoglobin"]
HELD_OUT = ["3j5p_TRPV1", "5a1a_bgal"]
PROJECTS = {  # particle diameter (Å), blocks (pixels of the micrographs), pixel size (Å) to use
    "empiar10028_80S": (300, (72, 96), 5.36),
    "empiar10059_trpv1": (150, (32,), 4.4042),
    "empiar10146_apoferritin": (140, (64,), 4.0),
}
REAL_BLOCKS_OF = "empiar10028_80S"
"""The others' blocks are too small and give their spectra."""
PIXEL_SIZES = (3.7, 5.5)
BOXES = (48, 64, 80, 96)


def structures(data: Path, names: list[str]) -> list[Path]:
    """Give the files of atomic models."""
    return [data / "models" / f"{n}.pdb.gz" for n in names]


def training_volumes(data: Path, seed: int) -> list[VolumeTransform]:
    """Whole structures, compact sub-complexes and phantoms at pixel sizes about 4 Å."""
    rng = np.random.default_rng(seed)
    volumes = []
    for path in structures(data, STRUCTURES):
        model = read_model(path)
        chains = chain_names(model)
        parts = [model] * 4
        for _ in range(8):
            count = int(rng.integers(1, len(chains)))
            parts.append(subset(model, nearest_chains(model, str(rng.choice(chains)), count)))
        for part in parts:
            pixel_size = float(rng.uniform(*PIXEL_SIZES))
            resolution = float(rng.uniform(2.0, 3.0)) * pixel_size
            volumes.append(VolumeTransform(density_of_model(part, pixel_size, resolution)))
    for k in range(48):
        pixel_size = float(rng.uniform(*PIXEL_SIZES))
        volumes.append(VolumeTransform(phantom(1000 + k, pixel_size, (80, 330))))
    return [v for v in volumes if v.diameter > 40]


def bank(data: Path, work: Path, project: str, box: int) -> TrainingBlocks:
    """Noise of a project's micrographs, cut into WORK/noise where that was not done before."""
    diameter, _, pixel_size = PROJECTS[project]
    out = work / "noise" / f"{project}_{box}"
    folder = data / "projects" / project
    options = NoiseOptions(
        micrographs=(folder / "Micrographs",),
        picks=folder / "AutoPick/job002/autopick.star",
        out=out,
        box=box,
        particle_diameter=diameter,
        command="benchmarks/shipped_model.py",
    )
    if not (out / "blocks.star").is_file():
        cut_noise(options, progress=sys.stderr)
    return read_blocks(out, pixel_size)


def noise_source(data: Path, work: Path, held_out: bool) -> MixedNoise:
    """Real 80S ice in blocks, and spectra of all three projects and of white noise."""
    blocks = {}
    for project, (_, boxes, _) in PROJECTS.items():
        for box in boxes:
            parts = hold_out(bank(data, work, project, box))
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


def held_out_sets(
    data: Path, work: Path, box: int = 64, pixel_size: float = 5.36, n: int = 128
) -> HeldOut:
    """Pairs of held-out structures and held-out noise at fixed SNRs."""
    volumes = [VolumeTransform(read_volume(p, pixel_size)) for p in structures(data, HELD_OUT)]
    noise = noise_source(data, work, held_out=True)
    generators = {
        snr: PairGenerator(
            volumes, noise, PairSettings(snr_range=(snr, snr), neighbour_rate=0.0, shift_sd=4.0)
        )
        for snr in (0.5, 0.1, 0.05, 0.02)
    }
    return draw_held_out(generators, box, n, seed=7)


def with_margin(held_out: HeldOut) -> HeldOut:
    """Widen the masks by 16 Å."""
    return HeldOut(
        {snr: replace(pairs, mask=widen(pairs.mask, 3)) for snr, pairs in held_out.sets.items()}
    )


def table(net: Generator, held_out: HeldOut) -> dict[str, dict[str, float]]:
    """Scores of a network and of the trivial methods."""
    rows = {"this model": held_out.denoised(net, bf16=True), **trivial_methods(held_out)}
    return {name: named(held_out.correlations(images)) for name, images in rows.items()}


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--steps", default=6000)
@click.option("--threads", default=2)
@click.option("--seed", default=1)
@click.option("--validate-every", default=250)
def main(data: Path, work: Path, steps: int, threads: int, seed: int, validate_every: int) -> None:
    """Train, score, and write WORK/iceblock-4A.safetensors."""
    torch.set_num_threads(threads)
    held_out = held_out_sets(data, work)
    volumes = training_volumes(data, seed)
    print(len(volumes), "volumes", flush=True)
    settings = PairSettings(snr_range=(0.01, 2.0), neighbour_rate=0.3, group=2)
    config = TrainingConfig(
        steps=steps,
        batch=32,
        boxes=BOXES,
        learning_rate=8e-4,
        seed=seed,
        validate_every=validate_every,
    )
    pairs = PairGenerator(volumes, noise_source(data, work, held_out=False), settings)

    def score(net: Generator) -> dict[str, float]:
        found = held_out.correlations(held_out.denoised(net, bf16=True))
        return {"score": mean(found), **named(found)}

    trainer = Trainer(PRESETS["default"], config, pairs, work, score)
    ship(trainer.run(Report()), held_out, config, settings, work)


class Report(Watcher):
    """Prints each row of metrics.csv."""

    def record(self, row: dict[str, float]) -> None:
        """Print a row."""
        print("  ".join(f"{name} {value:.5g}" for name, value in row.items()), flush=True)

    def remark(self, sentence: str) -> None:
        """Print a remark."""
        print(sentence, flush=True)


def ship(
    net: Generator,
    held_out: HeldOut,
    config: TrainingConfig,
    settings: PairSettings,
    work: Path,
) -> None:
    """Write the model file with its card; the score is that of the weights as they are stored."""
    path = work / "iceblock-4A.safetensors"
    rounded = copy.deepcopy(net).half().float()
    wide = table(rounded, with_margin(held_out))
    scores = {
        "held_out": [*HELD_OUT, "last micrograph of each project"],
        "box": 64,
        "pixel_size": 5.36,
        **table(rounded, held_out),
        **{f"{name}, mask + 16 Å": values for name, values in wide.items()},
    }
    card = ModelCard(
        name="iceblock-4A",
        working_pixel_size=4.0,
        snr_range=settings.snr_range,
        pixel_size_range=PIXEL_SIZES,
        box_range=(BOXES[0], BOXES[-1]),
        defocus_range=settings.defocus_range,
        volumes=(*STRUCTURES, "their sub-complexes", "48 phantoms"),
        noise=(*(f"{p} (all but the last micrograph)" for p in PROJECTS), "white"),
        training={
            **asdict(config),
            "loss": "squared error / (SNR + 0.01)",
            "torch": torch.__version__,
        },
        scores=scores,
    )
    save_model(path, net, card, half=True)
    print(json.dumps(load_model(path).card.scores, indent=1))


if __name__ == "__main__":
    sys.exit(main())
