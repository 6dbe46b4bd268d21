"""The training of a comparison's own networks, when one of them is first needed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from ...compare.networks import Recipe, Trained, train
from ...compute.device import bf16_pays
from ...console import Bar, Console
from ...denoise.inference import Denoiser
from ...denoise.model_file import Model, ModelCard
from ...denoise.training.watcher import Watcher
from ..train.geometry import WORKING_PIXEL_SIZE
from .inputs import TrainingPairs
from .options import slug


@dataclass(frozen=True)
class Training:
    """Trains a network when it is called, and gives it ready to use."""

    recipe: Recipe
    steps: int
    pairs: Callable[[], TrainingPairs]
    folder: Path
    device: torch.device
    seed: int
    console: Console

    def __call__(self) -> Denoiser:
        """Train, or go on with a stopped training."""
        source = self.pairs()
        config = self.recipe.config(self.steps, source.box, self.seed, bf16_pays(self.device))
        place = self.folder / slug(self.recipe.name)
        what = f"training {self.recipe.name}"
        with self.console.bar(self.steps, "step", what, leave=False) as bar:
            trained = train(self.recipe, source.pairs, config, place, _Steps(bar))
        return Denoiser(as_model(self.recipe.name, trained, source, place), self.device)


class _Steps(Watcher):
    """Moves a bar."""

    def __init__(self, bar: Bar) -> None:
        self.bar = bar

    def step(self, step: int) -> None:
        self.bar.reach(step)


def as_model(name: str, trained: Trained, source: TrainingPairs, place: Path) -> Model:
    """Let a network that was trained here be run as every model is."""
    settings = source.pairs.settings
    card = ModelCard(
        name,
        WORKING_PIXEL_SIZE,
        settings.snr_range,
        (source.pixel_size, source.pixel_size),
        (source.box, source.box),
        settings.defocus_range,
        training={"images": trained.images, "seconds": round(trained.seconds)},
    )
    return Model(trained.network, card, place, "")
