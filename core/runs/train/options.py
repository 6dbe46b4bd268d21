"""What can be asked of a training run, and the names of its outputs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from ...errors import IceblockError
from ..common_options import Compiling, Output, StackFolder
from ..durations import parse_duration
from ..option import COMMAND, RELION, option
from ..options import Options, option_class

if TYPE_CHECKING:
    from ...denoise.training.presets import Preset

MODEL, CURVES, SAMPLES = "model.safetensors", "curves.png", "samples.png"


@option_class(kw_only=True)
class Training(Options):
    """How long to train; a whole run has these, too."""

    group: ClassVar[str] = "Training"

    steps: int | None = option(
        "Steps of training at most",
        default=None, at_least=1, otherwise="6000, 1500 from another model, none with a time limit",
    )  # fmt: skip
    time_limit: float | None = option(
        "Stop after 90s, 30m or 2h of training, over all sittings; the learning rate falls in time",
        default=None, read=parse_duration, unit="s", above=0, metavar="TIME", otherwise="none",
    )  # fmt: skip
    seed: int = option(
        "The same seed and number of threads give the same model on a CPU", default=0, at_least=0
    )


@option_class()
class TrainOptions(Training, StackFolder, Compiling, Output):
    """What to train on and how; the same for every way in."""

    noise: tuple[Path, ...] = option(
        "Noise bank (its folder or blocks.star) or a stack of noise blocks; several are mixed",
        metavar="BANK", changes_result=False,
    )  # fmt: skip
    out: Path = option("Output folder", metavar="DIR", faces=(COMMAND,), changes_result=False)
    volumes: tuple[Path, ...] = option(
        "Map (.mrc, .map) or atomic model (.pdb, .cif), also .gz; several are mixed",
        default=(), spelled="volume", otherwise="none", changes_result=False,
    )  # fmt: skip
    held_out: tuple[Path, ...] = option(
        "Volume for validation alone",
        default=(), otherwise="a fifth of several volumes", changes_result=False,
    )  # fmt: skip
    phantoms: int = option(
        "Random protein-like phantoms to add to the volumes", default=0, at_least=0
    )
    particles: Path | None = option(
        "STAR file of what will be denoised: gives box, pixel size and CTFs",
        default=None, metavar="STAR", changes_result=False,
        otherwise="from the noise and the volumes; defocus 0.5 to 3.5 µm",
    )  # fmt: skip
    particle_pixel_size: float | None = option(
        "Pixel size of the particles in Å",
        default=None, unit="Å", above=0, otherwise="from their file, else from the stacks",
    )  # fmt: skip
    start: str | None = option(
        "Start from a shipped model (see `iceblock models`) or a model file: fine-tuning",
        default=None, spelled="from", metavar="NAME|FILE", otherwise="none", changes_result=False,
    )  # fmt: skip
    preset: str = option(
        "Network, loss and schedule; paper: Tang et al. 2022 with 256-pixel images",
        default="default", choices=("default", "large", "paper"),
    )  # fmt: skip
    patience: int | None = option(
        "End early when the held-out score has not risen for so many validations",
        default=None, at_least=1, otherwise="never",
    )  # fmt: skip
    box: int | None = option(
        "Even box of the training images, at their pixel size",
        default=None, unit="pixels", at_least=32,
        otherwise="as the particles have there, else room for the volumes",
    )  # fmt: skip
    pixel_size: float | None = option(
        "Pixel size of the training images in Å",
        default=None, unit="Å", above=0,
        otherwise="as the network will see the particles, else 4 or that of the noise",
    )  # fmt: skip
    snr_range: tuple[float, float] | None = option(
        "Signal over noise variance inside the particle, drawn log-uniformly: least and largest",
        default=None, above=0, metavar="LOW HIGH", otherwise="0.01 2",
    )  # fmt: skip
    loss: str | None = option(
        "Error of the pixels", default=None, choices=("mse", "l1"), otherwise="the preset's"
    )
    adversarial: float | None = option(
        "Weight of the discriminator's loss; 0 is none",
        default=None, at_least=0, metavar="WEIGHT", otherwise="the preset's",
    )  # fmt: skip
    perceptual: str | None = option(
        "Network of the perceptual loss",
        default=None, choices=("none", "random", "domain", "vgg19"), otherwise="the preset's",
    )  # fmt: skip
    vgg19: Path | None = option(
        "torchvision's vgg19-dcbb9e9d.pth, or a .safetensors; nothing is downloaded",
        default=None, otherwise="none", changes_result=False,
    )  # fmt: skip
    learning_rate: float | None = option(
        "Largest learning rate",
        default=None, above=0, metavar="RATE",
        otherwise="the preset's, a quarter of it from another model",
    )  # fmt: skip
    batch_size: int | None = option(
        "64-pixel images in a step; larger boxes come in smaller batches",
        default=None, at_least=1, otherwise="the preset's, 32",
    )  # fmt: skip
    resume: bool = option(
        "Refuse to begin anew: the output folder must hold this run, stopped; without this, too, a "
        "stopped run goes on",
        default=False, changes_result=False, faces=(COMMAND, RELION),
    )  # fmt: skip
    name: str | None = option(
        "Name of the model", default=None, metavar="NAME", otherwise="that of the output folder",
        changes_result=False,
    )  # fmt: skip

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        super().check()
        if not self.noise:
            raise IceblockError("Training needs noise: give --noise with a noise bank.")
        if not self.volumes and not self.phantoms:
            raise IceblockError(
                "Training needs volumes: give --volume with a map or an atomic model, or "
                "--phantoms N."
            )
        if self.box is not None and self.box % 2:
            raise IceblockError(f"--box is {self.box} pixels and must be even.")
        self.settings()

    def settings(self, processes: int = 1) -> Preset:
        """Give the preset with all that was asked for in its place.

        Parameters
        ----------
        processes
            That will train together.

        Raises
        ------
        IceblockError
            If the preset has another box than was asked for.
        """
        from ...denoise.training.presets import PRESETS, fine_tuning

        preset = PRESETS[self.preset]
        if preset.box and self.box not in (None, preset.box):
            raise IceblockError(
                f"The preset {self.preset} has boxes of {preset.box} pixels: leave --box out, or "
                "give another --preset."
            )
        if self.start is not None:
            preset = fine_tuning(preset)
        limited = self.steps is not None or self.time_limit is not None
        loss: dict[str, Any] = {
            "pixel": self.loss,
            "pixel_weight": {"l1": 100.0, "mse": 1.0, None: None}[self.loss],
            "adversarial": self.adversarial,
            "perceptual": self.perceptual,
        }
        training: dict[str, Any] = {
            "learning_rate": self.learning_rate,
            "batch": self.batch_size,
            "seconds": self.time_limit,
            "patience": self.patience,
        }
        steps = self.steps if limited else preset.training.steps
        return replace(
            preset,
            loss=replace(preset.loss, **_given(loss)),
            training=replace(
                preset.training, steps=steps, parts=processes, compile=self.compile,
                seed=self.seed, **_given(training),
            ),
        )  # fmt: skip


def _given(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}
