"""What can be asked of a training run, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from ...denoise.training.presets import PRESETS, Preset, fine_tuning
from ...denoise.training.trainer import CHECKPOINT, METRICS
from ...errors import IceblockError
from ...images.validation import SMALLEST_BOX
from ..denoise.options import gpu_numbers

if TYPE_CHECKING:
    from pathlib import Path

    from ...denoise.paper.losses import Backend, Pixel

MODEL, CURVES, SAMPLES = "model.safetensors", "curves.png", "samples.png"
WORK = (CHECKPOINT, METRICS, CURVES, SAMPLES)


@dataclass(frozen=True)
class TrainOptions:
    """What to train on and how; the same for every way in."""

    noise: tuple[Path, ...]
    """Noise banks (a folder or a blocks.star), or stacks of noise blocks."""
    out: Path
    volumes: tuple[Path, ...] = ()
    """Maps and atomic models."""
    held_out: tuple[Path, ...] = ()
    """Volumes for validation alone; by default a fifth of several `volumes`."""
    phantoms: int = 0
    """Procedural phantoms to add to the volumes."""
    particles: Path | None = None
    """Metadata whose box, pixel size and CTFs the training images get."""
    particle_pixel_size: float | None = None
    """Å; goes before what the particles' file says."""
    datadir: Path | None = None
    """The folder where the stacks of the particles' STAR file lie; by default where it says."""
    start: str | None = None
    """Shipped model or model file to start from."""
    preset: str = "default"
    steps: int | None = None
    """By default the preset's, or no limit but `time_limit`."""
    time_limit: float | None = None
    """Seconds."""
    patience: int | None = None
    """Validations without a better score after which the run ends."""
    box: int | None = None
    """Pixels at the working pixel size."""
    pixel_size: float | None = None
    """Å of the training images."""
    snr_range: tuple[float, float] | None = None
    loss: str | None = None
    """mse or l1; this and what follows go before the preset's."""
    adversarial: float | None = None
    perceptual: str | None = None
    vgg19: Path | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    """Images of a 64-pixel box; larger boxes come in smaller batches."""
    compile: bool = False
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    gpu: str | None = None
    """Numbers of GPUs, with commas; goes before `device`."""
    threads: int | None = None
    """CPU threads; by default all."""
    seed: int = 0
    resume: bool = False
    """The folder must hold a run that can be continued."""
    overwrite: bool = False
    """Replace another run's outputs."""
    name: str | None = None
    """Of the model; by default that of the folder."""
    report: str = "report.pdf"
    """Name of the report inside `out`."""
    command: str = ""
    """As given, for the record."""

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        if not self.noise:
            raise IceblockError("Training needs noise: give --noise with a noise bank.")
        if not self.volumes and not self.phantoms:
            raise IceblockError(
                "Training needs volumes: give --volume with a map or an atomic model, or "
                "--phantoms N."
            )
        if self.preset not in PRESETS:
            raise IceblockError(f"Preset {self.preset!r} is unknown: give {', '.join(PRESETS)}.")
        if self.box is not None and (self.box % 2 or self.box < SMALLEST_BOX):
            raise IceblockError(
                f"The box is {self.box} pixels and must be even and at least {SMALLEST_BOX}."
            )
        fixed = PRESETS[self.preset].box
        if fixed and self.box not in (None, fixed):
            raise IceblockError(
                f"The preset {self.preset} has boxes of {fixed} pixels: leave --box out, or give "
                "another --preset."
            )
        if self.pixel_size is not None and not 0 < self.pixel_size < float("inf"):
            raise IceblockError(f"The pixel size is {self.pixel_size:g} and must be above 0 (Å).")
        if self.seed < 0 or self.phantoms < 0:
            raise IceblockError("The seed and the number of phantoms cannot be negative.")
        if self.threads is not None and self.threads < 1:
            raise IceblockError(f"threads is {self.threads} and must be at least 1.")
        self.gpus()
        self.settings()

    def gpus(self) -> list[int]:
        """Give the numbers in `gpu`; empty where it is not given.

        Raises
        ------
        IceblockError
            If it holds anything else.
        """
        return gpu_numbers(self.gpu)

    def settings(self, processes: int = 1) -> Preset:
        """Give the preset with all that was asked for in its place.

        Parameters
        ----------
        processes
            That will train together.
        """
        preset = PRESETS[self.preset]
        if self.start is not None:
            preset = fine_tuning(preset)
        loss, training = preset.loss, preset.training
        if self.loss is not None:
            kinds = {"pixel": cast("Pixel", self.loss)}
            weight = 100.0 if self.loss == "l1" else 1.0
            loss = replace(loss, **kinds, pixel_weight=weight)  # type: ignore[arg-type]
        if self.adversarial is not None:
            loss = replace(loss, adversarial=self.adversarial)
        if self.perceptual is not None:
            loss = replace(loss, perceptual=cast("Backend", self.perceptual))
        limited = self.steps is not None or self.time_limit is not None
        given = {"learning_rate": self.learning_rate, "batch": self.batch_size}
        training = replace(
            training,
            steps=self.steps if limited else training.steps,
            seconds=self.time_limit,
            patience=self.patience,
            parts=processes,
            compile=self.compile,
            seed=self.seed,
            **{name: value for name, value in given.items() if value is not None},  # type: ignore[arg-type]
        )
        return replace(preset, loss=loss, training=training)
