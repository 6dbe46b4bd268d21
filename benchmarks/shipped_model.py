"""Train and score the model that ships.

    python benchmarks/shipped_model.py DATA WORK --minutes 80 --threads 1

DATA and what is held out: see training_data.py. WORK takes checkpoints and is picked up again when
it holds some. `--score FILE` scores a model file or a shipped model instead of training one;
`--describe-noise FILE` writes the statistics of the training noise into a model file's card.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
import torch
from safetensors.torch import load_file
from training_data import (
    MARGINS,
    PIXEL_SIZES,
    PROJECTS,
    STRUCTURES,
    TEST,
    VALIDATION,
    Counts,
    held_out_sets,
    noise_source,
    training_volumes,
    unseen_sets,
)
from widening import widened

from core.denoise.generator import PRESETS as GENERATORS
from core.denoise.inference import Denoiser
from core.denoise.model_file import (
    ARCHITECTURE,
    Model,
    ModelCard,
    load_model,
    read_description,
    save_model,
)
from core.denoise.paper.losses import LossSettings
from core.denoise.shipped import find_model
from core.denoise.training.held_out import HeldOut, Images, mean, named, trivial_methods
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, TrainingConfig, Watcher
from core.images.tensor_file import write_tensors
from core.noise.statistics import noise_statistics
from core.simulate.pairs import PairGenerator, PairSettings

if TYPE_CHECKING:
    from core.denoise.network import DenoisingNetwork
    from core.noise.source import NoiseSource

warnings.simplefilter("ignore")

BOXES = (48, 64, 80, 96)
DESCRIBED = 64
"""Box, pixels, of the noise that the card describes."""
SETS = {"box 64, 5.36 Å": (64, 5.36), "box 128, 2.7 Å": (128, 2.7)}


def denoised(model: Model, held_out: HeldOut, pixel_size: float) -> Images:
    """Denoise as `iceblock denoise` does, by way of the working pixel size."""
    denoiser = Denoiser(model, torch.device("cpu"))
    return {
        snr: torch.from_numpy(
            denoiser(np.ascontiguousarray(pairs.noisy.numpy()), pixel_size, ctf=pairs.ctf)[0]
        )
        for snr, pairs in held_out.sets.items()
    }


def scores(model: Model, data: Path, work: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Masked correlations of the model and the trivial methods on every held-out set."""
    found: dict[str, dict[str, dict[str, float]]] = {}
    for structure in (VALIDATION, TEST):
        for name, (box, pixel_size) in SETS.items():
            for mask, margin in MARGINS.items():
                held = held_out_sets(data, work, structure, box, pixel_size, margin=margin)
                rows = {"this model": denoised(model, held, pixel_size), **trivial_methods(held)}
                found[f"{structure}, {name}, mask {mask}"] = {
                    row: named(held.correlations(images)) for row, images in rows.items()
                }
    return found


class Report(Watcher):
    """Prints each row of metrics.csv."""

    def record(self, row: dict[str, float]) -> None:
        """Print a row."""
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)

    def remark(self, sentence: str) -> None:
        """Print a remark."""
        print(sentence, flush=True)


def ship(
    name: str,
    net: DenoisingNetwork,
    data: Path,
    work: Path,
    training: dict[str, object],
    pairs: PairGenerator,
) -> None:
    """Write the model file with its card; the score is that of the weights as they are stored."""
    path = work / f"{name}.safetensors"
    settings = pairs.settings
    card = ModelCard(
        name=name,
        working_pixel_size=4.0,
        snr_range=settings.snr_range,
        pixel_size_range=PIXEL_SIZES,
        box_range=(BOXES[0], BOXES[-1]),
        defocus_range=settings.defocus_range,
        volumes=(
            *STRUCTURES,
            f"{len(pairs.volumes)} in all: bent copies, sub-complexes, assemblies, phantoms",
        ),
        noise=(*(f"{p} (all but the last micrograph)" for p in PROJECTS), "white"),
        training={
            **training,
            "torch": torch.__version__,
        },
        scores={"held_out": [VALIDATION, TEST, "last micrograph of each project"]},
        noise_statistics=described(pairs.noise),
    )
    save_model(path, net, card, half=True)
    sets = scores(load_model(path), data, work)
    found = {f"{key}: {row}": values for key, rows in sets.items() for row, values in rows.items()}
    save_model(
        path, net, ModelCard(**{**vars(card), "scores": {**card.scores, **found}}), half=True
    )
    print(json.dumps(load_model(path).card.scores, indent=1))


def described(noise: NoiseSource) -> dict[str, Any]:
    """Describe the noise; it goes with volumes of all `PIXEL_SIZES` and has the middle one here."""
    return noise_statistics(noise, DESCRIBED, float(np.sqrt(np.prod(PIXEL_SIZES))))


def describe_noise(path: Path, noise: NoiseSource) -> None:
    """Write the statistics of the noise into a model file's card; its weights stay as they are."""
    description = read_description(path)
    description["card"]["noise_statistics"] = described(noise)
    write_tensors(path, ARCHITECTURE, description, load_file(path))


def show(found: dict[str, dict[str, dict[str, float]]]) -> None:
    """Print Markdown."""
    for title, rows in found.items():
        columns = list(rows["raw"])
        print(f"\n**{title}**\n\n| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
        for name, row in rows.items():
            print(f"| {name} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |")
        wiener = rows["oracle Wiener"]
        ratios = " | ".join(f"{rows['this model'][c] / wiener[c]:.2f}" for c in columns)
        print(f"| ours over Wiener | {ratios} |", flush=True)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--steps", type=int, help="Where to stop.")
@click.option("--minutes", type=float, help="Training time after which to stop.")
@click.option("--batch", default=32)
@click.option("--rate", default=6e-4)
@click.option("--threads", default=2)
@click.option("--seed", default=1)
@click.option("--validate-every", default=500)
@click.option("--start", type=click.Path(exists=True, path_type=Path), help="Model to go on from.")
@click.option("--weakest", default=0.05, help="Added to the SNR that divides the error.")
@click.option("--reads-ctf", is_flag=True, help="Give the network the images' CTFs.")
@click.option("--name", default="iceblock-4B", help="Of the new model.")
@click.option("--score", help="Score this model and train none.")
@click.option("--describe-noise", "describe", help="Complete this model's card and train none.")
def main(
    data: Path,
    work: Path,
    steps: int | None,
    minutes: float | None,
    batch: int,
    rate: float,
    threads: int,
    seed: int,
    validate_every: int,
    start: Path | None,
    weakest: float,
    reads_ctf: bool,
    name: str,
    score: str | None,
    describe: str | None,
) -> None:
    """Train, score, and write WORK/NAME.safetensors."""
    torch.set_num_threads(threads)
    if score:
        show(scores(load_model(find_model(score)), data, work))
        return
    if describe:
        describe_noise(find_model(describe), noise_source(data, work, held_out=False))
        return
    held_out = unseen_sets(data, work, n=64)
    volumes = training_volumes(data, seed, Counts())
    print(len(volumes), "volumes", flush=True)
    settings = PairSettings(snr_range=(0.01, 2.0), neighbour_rate=0.3, group=2)
    config = TrainingConfig(
        steps=steps,
        seconds=60 * minutes if minutes else None,
        batch=batch,
        boxes=BOXES,
        learning_rate=rate,
        seed=seed,
        validate_every=validate_every,
    )
    pairs = PairGenerator(volumes, noise_source(data, work, held_out=False), settings)

    def judge(net: DenoisingNetwork) -> dict[str, float]:
        found = held_out.correlations(held_out.denoised(net, bf16=True))
        return {"score": mean(found), **named(found)}

    loss = LossSettings(weakest=weakest)
    network = replace(GENERATORS["default"], reads_ctf=reads_ctf)
    weights = widened(load_model(start).generator, network) if start else None
    trainer = Trainer(Preset(network, loss, config), pairs, work, judge, start=weights)
    trained = trainer.run(Report())
    note = {
        "steps_done": trainer.step,
        "loss": f"squared error / (SNR + {weakest:g})",
        **({"start": load_model(start).card.training} if start else {}),
    }
    ship(name, trained, data, work, asdict(config) | note, pairs)


if __name__ == "__main__":
    main()
