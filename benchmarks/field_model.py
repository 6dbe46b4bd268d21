"""Train a model for whole micrographs from one for particles, and score it on simulated fields.

    python benchmarks/field_model.py train DATA WORK --minutes 60
    python benchmarks/field_model.py score DATA WORK --model FILE --model iceblock-4A

DATA and what is held out: see training_data.py; how fields are made: fields.py. WORK takes
checkpoints and is picked up again when it holds some. The score is the correlation of whole fields
with the truth, beside what is left of the noise in fields without particles.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
import torch
from fields import WORKING, FieldGenerator, field_noise
from shipped_model import Report, described
from training_data import (
    PIXEL_SIZES,
    PROJECTS,
    STRUCTURES,
    TEST,
    VALIDATION,
    Counts,
    structure_file,
    training_volumes,
)

from core.denoise.generator import PRESETS as GENERATORS
from core.denoise.model_file import ModelCard, load_model, save_model
from core.denoise.paper.losses import LossSettings
from core.denoise.shipped import find_model
from core.denoise.training.held_out import HeldOut, draw_held_out, mean, named, trivial_methods
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, TrainingConfig
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.projection import VolumeTransform
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import nn

    from core.denoise.network import DenoisingNetwork
    from core.noise.source import NoiseSource

warnings.simplefilter("ignore")

SIDES = (96, 160)
SCORED_SIDE, SCORED_PIXEL_SIZE, FIELDS = 128, 5.36, 32
SNRS = (0.5, 0.2, 0.1, 0.05)


class Full(FieldGenerator):
    """Fields that all hold particles."""

    empty = 0.0


class Bare(FieldGenerator):
    """Fields that hold none."""

    empty = 1.0


def drawn(
    volumes: Sequence[VolumeTransform], noise: NoiseSource, n: int = FIELDS
) -> tuple[HeldOut, torch.Tensor]:
    """Draw fields with particles at each SNR, and fields of noise alone."""

    def at(snr: float) -> PairSettings:
        return PairSettings(snr_range=(snr, snr), group=1)

    full: dict[float, PairGenerator] = {snr: Full(volumes, noise, at(snr)) for snr in SNRS}
    bare = draw_held_out({1.0: Bare(volumes, noise, at(1.0))}, SCORED_SIDE, n, seed=12)
    return draw_held_out(full, SCORED_SIDE, n, seed=11), bare.sets[1.0].noisy


@torch.inference_mode()
def left(network: nn.Module, bare: torch.Tensor) -> float:
    """Give the standard deviation of what is left of noise, over that of the noise."""
    return float(network(bare[:, None]).std() / bare.std())


def scores(network: DenoisingNetwork, data: Path, work: Path) -> dict[str, dict[str, float]]:
    """Score a network and the trivial methods on fields of the held-out structures and noise."""
    noise, found = field_noise(data, work, held_out=True), {}
    for structure in (VALIDATION, TEST):
        file = structure_file(data, structure)
        volume = VolumeTransform(read_volume(file, SCORED_PIXEL_SIZE))
        held, bare = drawn([volume], noise)
        rows = {"this model": held.denoised(network, bf16=False), **trivial_methods(held)}
        for row, images in rows.items():
            title = f"{structure}, fields of {SCORED_SIDE} pixels, {SCORED_PIXEL_SIZE} Å: {row}"
            found[title] = named(held.correlations(images))
    found["noise left in empty fields"] = {"part": round(left(network, bare), 4)}
    return found


@click.group()
def main() -> None:
    """Train or score."""


@main.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--model", "models", multiple=True, default=("iceblock-4A",))
def score(data: Path, work: Path, models: tuple[str, ...]) -> None:
    """Print Markdown."""
    for model in models:
        for title, row in scores(load_model(find_model(model)).generator, data, work).items():
            cells = " | ".join(f"{value:.3f}" for value in row.values())
            print(f"| {Path(model).stem} | {title} | {cells} |", flush=True)


@main.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--minutes", type=float, help="Training time after which to stop.")
@click.option("--steps", type=int, help="Where to stop.")
@click.option("--start", default="iceblock-4A", help="Model to go on from.")
@click.option("--rate", default=4e-4)
@click.option("--weakest", default=0.1, help="Added to the SNR that divides the error.")
@click.option("--seed", default=5)
@click.option("--name", default="iceblock-field", help="Of the new model.")
def train(
    data: Path,
    work: Path,
    minutes: float | None,
    steps: int | None,
    start: str,
    rate: float,
    weakest: float,
    seed: int,
    name: str,
) -> None:
    """Train on one thread, score, and write WORK/NAME.safetensors."""
    torch.set_num_threads(1)
    relatives = training_volumes(data, 9, Counts(whole=1, parts=2, assemblies=8, phantoms=0))
    volumes = training_volumes(data, seed, Counts())
    noise = field_noise(data, work, held_out=False)
    print(len(volumes), "volumes", flush=True)
    pairs = FieldGenerator(volumes, noise, PairSettings(snr_range=(0.02, 2.0), group=1))
    held, bare = drawn(relatives, noise)
    config = TrainingConfig(
        steps=steps,
        seconds=60 * minutes if minutes else None,
        boxes=SIDES,
        learning_rate=rate,
        seed=seed,
    )

    def judge(network: DenoisingNetwork) -> dict[str, float]:
        found = held.correlations(held.denoised(network, bf16=True))
        return {"score": mean(found), "left": left(network, bare), **named(found)}

    old = load_model(find_model(start))
    preset = Preset(GENERATORS["default"], LossSettings(weakest=weakest), config)
    trainer = Trainer(preset, pairs, work, judge, start=old.generator.state_dict())
    trained = trainer.run(Report())
    note = {
        **asdict(config),
        "steps_done": trainer.step,
        "loss": f"squared error / (SNR + {weakest:g}); SNR 0 in empty fields",
        "start": old.card.training,
        "torch": torch.__version__,
    }
    ship(work / f"{name}.safetensors", trained, data, pairs, note)


def ship(
    path: Path,
    network: DenoisingNetwork,
    data: Path,
    pairs: FieldGenerator,
    training: dict[str, object],
) -> None:
    """Write the model file; the score is that of the weights as they are stored."""
    card = ModelCard(
        name=path.stem,
        working_pixel_size=WORKING,
        snr_range=pairs.settings.snr_range,
        pixel_size_range=PIXEL_SIZES,
        box_range=(SIDES[0], SIDES[-1]),
        defocus_range=pairs.settings.defocus_range,
        volumes=(
            *STRUCTURES,
            f"{len(pairs.volumes)} in all: bent copies, sub-complexes, assemblies, phantoms",
        ),
        noise=(*(f"{p} (all but the last micrograph)" for p in PROJECTS), "white"),
        training=training,
        scores={"held_out": [VALIDATION, TEST, "last micrograph of each project"]},
        noise_statistics=described(pairs.noise),
    )
    save_model(path, network, card, half=True)
    found = scores(load_model(path).generator, data, path.parent)
    scored = ModelCard(**{**vars(card), "scores": {**card.scores, **found}})
    save_model(path, network, scored, half=True)
    print(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
