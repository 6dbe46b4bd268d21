"""Networks that are trained here, by the same trainer on the same pairs, to be compared."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, cast

from ..denoise.generator import Generator
from ..denoise.training.trainer import Trainer, TrainingConfig

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..denoise.generator import GeneratorConfig
    from ..denoise.paper.losses import LossSettings
    from ..denoise.training.watcher import Watcher
    from ..simulate.pairs import PairGenerator

VALIDATE_EVERY = 10**9
"""Steps: nothing is scored while a baseline is trained."""


@dataclass(frozen=True)
class Recipe:
    """A network and how it is trained."""

    name: str
    network: Any
    """Its configuration, a dataclass."""
    loss: LossSettings
    training: dict[str, Any] = field(default_factory=dict)
    """What differs from `TrainingConfig`."""
    build: Callable[[Any], Any] = Generator
    """Makes the network of its configuration."""
    note: str = ""

    def config(self, steps: int, box: int, seed: int, bf16: bool) -> TrainingConfig:
        """Give the training's settings; all recipes see as many images in a step."""
        settings = TrainingConfig(
            steps=steps,
            boxes=(box,),
            bf16=bf16,
            seed=seed,
            validate_every=VALIDATE_EVERY,
            checkpoint_seconds=60.0,
        )
        return replace(settings, **self.training)


@dataclass(frozen=True)
class Trained:
    """A network that was trained by a recipe."""

    network: Generator
    """Or another one that is called in the same way."""
    images: int
    """Seen in training."""
    seconds: float


def train(
    recipe: Recipe,
    pairs: PairGenerator,
    config: TrainingConfig,
    folder: Path,
    watcher: Watcher | None = None,
) -> Trained:
    """Train a network, or go on where a stopped training in the folder was.

    Parameters
    ----------
    recipe
        What to train.
    pairs
        Source of the training pairs, on the device to train on.
    config
        From `Recipe.config`.
    folder
        Gets the checkpoint and metrics.csv; a finished training there is read back.
    watcher
        Told of every step; may raise to stop.
    """
    trainer = Trainer(
        cast("GeneratorConfig", recipe.network),
        config,
        pairs,
        folder,
        loss=recipe.loss,
        build=cast("Callable[[GeneratorConfig], Generator]", recipe.build),
    )
    network = trainer.run(watcher)
    return Trained(network, trainer.state.images, trainer.state.seconds)
