"""The training of a comparison's own networks, when one of them is first needed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ...compare.networks import train
from ...compute.device import bf16_pays
from ...denoise.inference import Denoiser
from ...denoise.model_file import Model, ModelCard
from ...denoise.training.watcher import Watcher
from ...progress import progress_bar
from ..train.geometry import WORKING_PIXEL_SIZE
from .options import slug

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import TextIO

    import torch

    from ...compare.networks import Recipe, Trained
    from .inputs import TrainingPairs


@dataclass(frozen=True)
class Training:
    """Trains a network when it is called, and gives it ready to use."""

    recipe: Recipe
    steps: int
    pairs: Callable[[], TrainingPairs]
    folder: Path
    device: torch.device
    seed: int
    progress: TextIO | None
    heartbeat: Callable[[], None]

    def __call__(self) -> Denoiser:
        """Train, or go on with a stopped training."""
        source = self.pairs()
        config = self.recipe.config(self.steps, source.box, self.seed, bf16_pays(self.device))
        place = self.folder / slug(self.recipe.name)
        what = f"training {self.recipe.name}"
        with progress_bar(self.steps, "step", what, self.progress, leave=False) as bar:
            watcher = _Steps(bar, self.heartbeat)
            trained = train(self.recipe, source.pairs, config, place, watcher)
        return Denoiser(as_model(self.recipe.name, trained, source, place), self.device)


class _Steps(Watcher):
    """Moves a bar."""

    def __init__(self, bar: Any, heartbeat: Callable[[], None]) -> None:
        self.bar = bar
        self.heartbeat = heartbeat

    def step(self, step: int) -> None:
        self.bar.update(step - self.bar.n)
        self.heartbeat()


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
