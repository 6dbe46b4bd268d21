"""Which losses and which network: short trainings that differ in one thing, scored alike.

    python benchmarks/ablation.py DATA WORK [--only NAME …] [--steps 400] [--append]

DATA and the held-out sets are those of training_data.py. Every run sees the same images in the same
order. Runs that are done are read from WORK. The table can be appended to benchmarks/RESULTS.md.
"""

from __future__ import annotations

import json
import time
import warnings
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import torch
from results import record
from training_data import (
    MARGINS,
    PIXEL_SIZES,
    TEST,
    VALIDATION,
    held_out_sets,
    noise_source,
    training_volumes,
)

from core.denoise.generator import GeneratorConfig
from core.denoise.model_file import ModelCard, save_model
from core.denoise.paper.losses import LossSettings
from core.denoise.training.held_out import HeldOut, Images, trivial_methods
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, TrainingConfig, Watcher
from core.errors import IceblockError
from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairGenerator, PairSettings

if TYPE_CHECKING:
    from core.denoise.network import DenoisingNetwork
    from core.simulate.projection import VolumeTransform

warnings.simplefilter("ignore")

SHOWN = (0.5, 0.1, 0.05, 0.02)
SETS = {
    "TRPV1": (VALIDATION, "+ 16 Å"),
    "TRPV1 tight": (VALIDATION, "tight"),
    "β-gal": (TEST, "+ 16 Å"),
}
"""Held-out structure and mask; see training_data.py."""
PLAIN = LossSettings()
PAPER = LossSettings(pixel="l1", pixel_weight=100.0, snr_weighted=False, adversarial=1.0)
TWO_SCALES = GeneratorConfig(widths=(64, 128), strides=(1, 2))
THREE_SCALES = GeneratorConfig()


@dataclass(frozen=True)
class Row:
    """One training."""

    network: GeneratorConfig = THREE_SCALES
    loss: LossSettings = PLAIN
    rate: float = 6e-4
    white: bool = False
    """Train on Gaussian white noise."""


def rows() -> dict[str, Row]:
    """All trainings by name."""
    found = {
        "MSE": Row(),
        "MSE, trained on white noise": Row(white=True),
        "MSE, not weighted by SNR": Row(loss=LossSettings(snr_weighted=False)),
        "L1": Row(loss=LossSettings(pixel="l1", snr_weighted=False)),
        "L1, weighted by SNR": Row(loss=LossSettings(pixel="l1")),
        "paper: GAN + 100 L1": Row(loss=PAPER),
        "paper: GAN + 100 L1, perceptual random": Row(loss=replace(PAPER, perceptual="random")),
    }
    for perceptual in ("none", "domain", "random"):
        for adversarial in (0.0, 0.01, 0.1):
            if perceptual != "none" or adversarial:
                loss = replace(PLAIN, perceptual=perceptual, adversarial=adversarial)
                found[f"MSE, GAN {adversarial:g}, perceptual {perceptual}"] = Row(loss=loss)
    for scales, network in (("3 scales", THREE_SCALES), ("2 scales", TWO_SCALES)):
        for blocks in (9, 6, 3):
            if (scales, blocks) != ("3 scales", 9):
                chosen = replace(network, residual_blocks=blocks)
                found[f"MSE, {scales}, {blocks} blocks"] = Row(chosen)
    shallow = replace(THREE_SCALES, residual_blocks=3)
    found["MSE, GAN 0.01, 3 scales, 3 blocks"] = Row(shallow, replace(PLAIN, adversarial=0.01))
    return found


class Report(Watcher):
    """Prints each row of metrics.csv."""

    def record(self, row: dict[str, float]) -> None:
        """Print a row."""
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)


def train(
    row: Row,
    volumes: list[VolumeTransform],
    data: Path,
    work: Path,
    folder: Path,
    steps: int,
    batch: int,
) -> tuple[DenoisingNetwork, float]:
    """Train one network; gives it with its seconds a step."""
    noise = SpectrumNoise(torch.ones(1, 33), 0.0) if row.white else noise_source(data, work, False)
    settings = PairSettings(snr_range=(0.01, 2.0), neighbour_rate=0.3, group=2)
    config = TrainingConfig(
        steps=steps,
        batch=batch,
        learning_rate=row.rate,
        warmup=80,
        ema=0.99,
        seed=1,
        validate_every=10 * steps,
    )
    pairs = PairGenerator(volumes, noise, settings)
    trainer = Trainer(Preset(row.network, row.loss, config), pairs, folder)
    began, first = time.process_time(), trainer.step
    network = trainer.run(Report())
    seconds = (time.process_time() - began) / max(1, trainer.step - first)
    keep(network, settings, folder)
    return network, seconds


def keep(network: DenoisingNetwork, settings: PairSettings, folder: Path) -> None:
    """Write a model file, for `iceblock compare --model NAME=FILE`."""
    card = ModelCard(
        name=folder.name,
        working_pixel_size=4.0,
        snr_range=settings.snr_range,
        pixel_size_range=PIXEL_SIZES,
        box_range=(64, 64),
        defocus_range=settings.defocus_range,
        volumes=("as iceblock-4A",),
    )
    save_model(folder / "model.safetensors", network, card)


def scores(images: dict[str, Images], sets: dict[str, HeldOut]) -> dict[str, dict[str, float]]:
    """Masked correlations of images by held-out set and SNR."""
    return {
        name: {
            f"{snr:g}": round(value, 4) for snr, value in held.correlations(images[name]).items()
        }
        for name, held in sets.items()
    }


def table(found: dict[str, dict[str, Any]]) -> str:
    """Give all rows as Markdown."""
    head = " | ".join(f"{name} {snr:g}" for name in SETS for snr in SHOWN)
    lines = [f"| | CPU s/step | {head} |", "|---" * (2 + len(SETS) * len(SHOWN)) + "|"]
    for name, row in found.items():
        cells = " | ".join(f"{row[key][f'{snr:g}']:.3f}" for key in SETS for snr in SHOWN)
        seconds = f"{row['seconds']:.2f}" if "seconds" in row else ""
        lines.append(f"| {name} | {seconds} | {cells} |")
    return "\n".join(lines)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--only", multiple=True, help="Rows whose name holds this.")
@click.option("--steps", default=400)
@click.option("--batch", default=20)
@click.option("--threads", default=1)
@click.option("--append", is_flag=True, help="Append the table to RESULTS.md.")
def main(
    data: Path,
    work: Path,
    only: tuple[str, ...],
    steps: int,
    batch: int,
    threads: int,
    append: bool,
) -> None:
    """Train what is not yet trained, and print the table."""
    torch.set_num_threads(threads)
    sets = {
        name: held_out_sets(data, work, structure, margin=MARGINS[mask], snrs=SHOWN)
        for name, (structure, mask) in SETS.items()
    }
    trivial = {name: trivial_methods(held) for name, held in sets.items()}
    found: dict[str, dict[str, Any]] = {
        method: scores({name: methods[method] for name, methods in trivial.items()}, sets)
        for method in next(iter(trivial.values()))
    }
    volumes: list[VolumeTransform] = []
    for name, row in rows().items():
        if only and not any(word in name for word in only):
            continue
        folder = work / f"{steps}x{batch}" / "".join(c if c.isalnum() else "_" for c in name)
        done = folder / "scores.json"
        if not done.is_file():
            volumes = volumes or training_volumes(data, 1)
            print(f"\n== {name} ({len(volumes)} volumes)", flush=True)
            try:
                network, seconds = train(row, volumes, data, work, folder, steps, batch)
            except IceblockError as error:
                print(error, flush=True)
                continue
            images = {key: held.denoised(network, bf16=True) for key, held in sets.items()}
            done.write_text(json.dumps({"seconds": seconds, **scores(images, sets)}))
        found[name] = json.loads(done.read_text())
        print(table({name: found[name]}), flush=True)
    record(f"Losses and networks, {steps} steps of {batch} images", [table(found)], append)


if __name__ == "__main__":
    main()
