"""How large each step is, on a GPU and in a test without one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.denoise.generator import PRESETS, GeneratorConfig
from core.denoise.training.config import TrainingConfig

READER = replace(PRESETS["default"], reads_ctf=True)
"""The shipped model's network, given the CTFs as well."""


@dataclass(frozen=True)
class Sizes:
    """Numbers of images, networks and minutes."""

    network: GeneratorConfig = READER
    batch: int = 1024
    """Images of a 64-pixel box in a training step."""
    group: int = 64
    """Of them that show the same structure."""
    boxes: tuple[int, ...] = (48, 64, 80, 96)
    rate: float = 1.5e-3
    """Learning rate."""
    minutes: float = 20.0
    """Of training, over all calls."""
    steps: int | None = None
    """In place of minutes."""
    ablation_seconds: float = 25.0
    """Of each short training."""
    trainings: int = 99
    """Short trainings at most."""
    geometries: tuple[tuple[int, float], ...] = ((64, 5.36), (128, 2.7), (256, 1.3))
    """Boxes in pixels, with Å."""
    compared: int = 300
    """Images of each box that both devices denoise."""
    timed: tuple[int, int] | None = (2048, 16384)
    """Images of 64 pixels in the short and the long stack that are timed; None for no runs."""
    trials: int = 20
    """Steps that are timed."""

    def training(self, **changes: object) -> TrainingConfig:
        """Say how to train for `minutes`; `changes` override."""
        config = TrainingConfig(
            steps=self.steps,
            seconds=None if self.steps else 60 * self.minutes,
            batch=self.batch,
            boxes=self.boxes,
            learning_rate=self.rate,
            warmup=300,
            seed=11,
            validate_every=500,
            record_every=100,
            checkpoint_seconds=60.0,
        )
        return replace(config, **changes)  # type: ignore[arg-type]


FULL = Sizes()
TINY = Sizes(
    network=GeneratorConfig((4, 8), (1, 2), residual_blocks=1, stem_kernel=3, reads_ctf=True),
    batch=16,
    group=4,
    boxes=(32,),
    steps=4,
    ablation_seconds=0.0,
    trainings=2,
    geometries=((64, 5.36),),
    compared=6,
    timed=None,
    trials=1,
)
