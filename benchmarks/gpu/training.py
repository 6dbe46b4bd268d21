"""The shipped model's recipe with large batches, in sittings of some minutes."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from two_models import Gain
from widening import widened

from core.denoise.generator import Generator
from core.denoise.model_file import ModelCard, load_model, save_model
from core.denoise.paper.losses import LossSettings
from core.denoise.shipped import DEFAULT, find_model
from core.denoise.training.held_out import mean, named
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import CHECKPOINT, Trainer, Watcher
from core.simulate.pairs import PairSettings

from .pieces import cut, join

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from core.denoise.network import DenoisingNetwork
    from core.denoise.training.held_out import HeldOut

    from .material import Material
    from .sizes import Sizes

NAME = "iceblock-gpu"
LOSS = LossSettings(weakest=0.15)
SNR_RANGE = (0.01, 2.0)


class Enough(Exception):
    """The minutes of this call are over."""


class Sitting(Watcher):
    """Prints what happens, and stops at a moment of `time.monotonic`."""

    def __init__(self, until: float) -> None:
        self.until = until

    def step(self, step: int) -> None:
        """Stop where the time is over."""
        if time.monotonic() > self.until:
            raise Enough

    def record(self, row: dict[str, float]) -> None:
        """Print a row of metrics.csv."""
        print("  ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)

    def remark(self, sentence: str) -> None:
        """Print a remark."""
        print(sentence, flush=True)


def settings(sizes: Sizes) -> PairSettings:
    """Give the pairs of training."""
    return PairSettings(snr_range=SNR_RANGE, neighbour_rate=0.3, group=sizes.group)


def train(
    material: Material,
    sizes: Sizes,
    device: torch.device,
    work: Path,
    out: Path,
    until: float,
    compile_it: bool,
) -> dict[str, object]:
    """Train until a moment of `time.monotonic`, or to the end; `out` gets all that is kept.

    A checkpoint that lies in pieces in `out` is gone on from, where `work` has none.

    Returns
    -------
    result
        Steps, images, seconds, and whether the training is over.
    """
    folder = work / "training"
    if not (folder / CHECKPOINT).is_file():
        join(out, folder / CHECKPOINT)
    pairs = material.pairs(device, settings(sizes))
    watched = material.watched(device)
    print(f"{len(pairs.volumes)} structures on {device}", flush=True)

    def judge(network: DenoisingNetwork) -> dict[str, float]:
        found = watched.correlations(watched.denoised(network, bf16=True))
        return {"score": mean(found), **named(found)}

    start = None
    shipped = load_model(find_model(DEFAULT)).generator
    if isinstance(shipped, Generator) and sizes.network == replace(
        shipped.config, reads_ctf=sizes.network.reads_ctf
    ):
        start = widened(shipped, sizes.network)
    config = sizes.training(compile=compile_it)
    trainer = Trainer(Preset(sizes.network, LOSS, config), pairs, folder, judge, start=start)
    try:
        trainer.run(Sitting(until))
    except Enough:
        print("the minutes of this call are over", flush=True)
    result: dict[str, object] = {
        "steps": trainer.step,
        "images": trainer.state.images,
        "seconds": round(trainer.state.seconds, 1),
        "images_per_second": round(trainer.state.images / max(1e-9, trainer.state.seconds)),
        "over": trainer.over,
    }
    keep(trainer.average, sizes, out, result)
    cut(folder / CHECKPOINT, out)
    return result


def keep(network: DenoisingNetwork, sizes: Sizes, out: Path, result: dict[str, object]) -> None:
    """Write the model file as it is now."""
    card = ModelCard(
        name=NAME,
        working_pixel_size=4.0,
        snr_range=SNR_RANGE,
        pixel_size_range=(3.7, 5.5),
        box_range=(sizes.boxes[0], sizes.boxes[-1]),
        defocus_range=PairSettings().defocus_range,
        volumes=("as the shipped model's, in larger number",),
        training=dict(result),
    )
    save_model(out / "model.safetensors", network, card, half=True)


def score(material: Material, device: torch.device, out: Path) -> list[Gain]:
    """Score the kept model beside the shipped one, image by image at their own pixel size."""
    old = load_model(find_model(DEFAULT), device).generator
    new = load_model(out / "model.safetensors", device).generator
    rows = []
    for name, held_out in material.scored(device).items():
        one, other = (_each(network, held_out) for network in (old, new))
        for snr, before in one.items():
            apart = other[snr] - before
            error = float(apart.std() / len(apart) ** 0.5)
            means = float(before.mean()), float(other[snr].mean())
            rows.append(Gain(name, snr, *means, float(apart.mean()), error))
    (out / "score.json").write_text(json.dumps([vars(row) for row in rows], indent=1))
    return rows


def _each(network: DenoisingNetwork, held_out: HeldOut) -> dict[float, torch.Tensor]:
    found = held_out.correlation_of_each(held_out.denoised(network, bf16=True))
    return {snr: values.double().cpu() for snr, values in found.items()}
