"""A training run small enough for tests: one phantom, white noise, a tiny network."""

import csv
from dataclasses import replace
from pathlib import Path

import torch

from core.denoise.paper.discriminator import DiscriminatorConfig
from core.denoise.paper.losses import LossSettings
from core.denoise.training.presets import Preset
from core.denoise.training.trainer import Trainer, TrainingConfig, Watcher
from core.noise.source import SpectrumNoise
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

from .tiny_network import TINY

CONFIG = TrainingConfig(
    steps=12, batch=8, boxes=(32,), warmup=2, learning_rate=3e-3, validate_every=6, bf16=False,
    ema=0.5, record_every=4,
)  # fmt: skip
GAN = LossSettings(
    pixel="l1", pixel_weight=100.0, snr_weighted=False, adversarial=1.0, adversarial_start=3,
    discriminator=DiscriminatorConfig(widths=(4, 4, 8, 8)),
)  # fmt: skip


def tiny_pairs() -> PairGenerator:
    volume = VolumeTransform(phantom(0, 6.0, diameter=(90, 110)))
    settings = PairSettings(snr_range=(0.5, 1.0), group=4, neighbour_rate=0.0)
    return PairGenerator([volume], SpectrumNoise(torch.ones(1, 17)), settings)


def make(pairs: PairGenerator, folder: Path, loss: LossSettings | None = None, **changes: object):
    """Give a trainer whose configuration differs from CONFIG by `changes`."""
    score = changes.pop("score", None)
    more = {key: changes.pop(key) for key in ("start", "ranks") if key in changes}
    network = changes.pop("network", TINY)
    return Trainer(
        Preset(network, loss or LossSettings(), replace(CONFIG, **changes)),
        pairs, folder, score, **more,
    )  # fmt: skip


def curve(folder: Path) -> list[dict[str, str]]:
    """Give the rows of metrics.csv without the times."""
    with (folder / "metrics.csv").open(newline="") as file:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]


class Stop(Exception):
    pass


class StopAt(Watcher):
    """Stops a run after some steps, as a user's Ctrl-C or RELION's abort does."""

    def __init__(self, at: int) -> None:
        self.at = at

    def step(self, step: int) -> None:
        if step == self.at:
            raise Stop


def same_weights(one: torch.nn.Module, other: torch.nn.Module) -> bool:
    theirs = other.state_dict()
    return all(torch.equal(value, theirs[name]) for name, value in one.state_dict().items())
