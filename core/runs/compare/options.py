"""What can be asked of a comparison, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from pathlib import Path

from ...denoise.shipped import DEFAULT
from ...errors import IceblockError
from ..common_options import Device, Output
from ..option import option
from ..options import option_class

SMALLEST_BOX = 32
"""Pixels."""
TABLE, CSV, PAGES = "comparison.md", "comparison.csv", "comparison.pdf"
FIGURES, METHODS, TRAINING = "Figures", "Methods", "Training"
OUTPUTS = (TABLE, CSV, PAGES, FIGURES, METHODS, TRAINING)


@dataclass(frozen=True)
class Size:
    """How much is computed."""

    number: int
    """Scored images in each set."""
    validation: int
    """Images that filters are tuned on, in each set."""
    directions: int
    views: int
    """About each direction, for the clustering."""
    starts: int
    """Of the clustering."""
    train_steps: int
    whole: int
    """Further noisy images of each set, which teach what the set has in common."""
    box: int
    """Pixels."""
    pixel_size: float
    """Å."""


FULL = Size(256, 32, 32, 24, 10, 1000, 4000, 128, 2.7)
QUICK = Size(24, 8, 8, 12, 3, 25, 400, 64, 5.4)
"""A few minutes on a CPU: shows that all works; its numbers say little."""


@option_class(kw_only=True)
class CompareOptions(Device, Output):
    """What to compare on what."""

    out: Path = option("Output folder", metavar="DIR", changes_result=False)
    models: tuple[str, ...] = option(
        "Row's name and model file, or a shipped model; the first is what all else is measured "
        "against",
        default=(), spelled="model", metavar="NAME=FILE", otherwise=f"iceblock={DEFAULT}",
    )  # fmt: skip
    volumes: tuple[Path, ...] = option(
        "Structure to score on: map or atomic model, also .gz; take one that no model has seen",
        default=(), spelled="volume", otherwise="4 phantoms",
    )  # fmt: skip
    noise: tuple[Path, ...] = option(
        "Noise bank or stack of noise blocks to score on",
        default=(), metavar="BANK", otherwise="an ice-like spectrum",
    )  # fmt: skip
    train_volumes: tuple[Path, ...] = option(
        "Structure for the networks that are trained here, besides the phantoms",
        default=(), spelled="train-volume",
    )  # fmt: skip
    train_noise: tuple[Path, ...] = option(
        "Noise to tune filters and to train on",
        default=(), metavar="BANK",
        otherwise="four fifths of the micrographs of --noise, the rest is scored on",
    )  # fmt: skip
    phantoms: int = option("Random protein-like phantoms to train on", default=24, at_least=0)
    noisy: tuple[Path, ...] = option(
        "Noisy particles to score on in place of simulated ones; --clean names their truth",
        default=(), metavar="STAR",
    )  # fmt: skip
    clean: tuple[Path, ...] = option(
        "The truth of --noisy, row by row, as `iceblock simulate` writes it",
        default=(), metavar="STAR",
    )  # fmt: skip
    particles: Path | None = option(
        "Real particles to show the networks on", default=None, metavar="STAR|CS"
    )
    snrs: tuple[float, ...] = option(
        "Signal over noise variance inside the particle; one set for each --snr",
        default=(1.0, 0.1), spelled="snr", metavar="SNR", above=0,
    )  # fmt: skip
    number: int | None = option(
        "Images in each set", default=None, short="n", at_least=4, otherwise="256, quick 24"
    )
    train_steps: int | None = option(
        "Steps for DnCNN, the unsupervised GAN and our own network on the same pairs; 0 leaves "
        "these rows out. At 128 pixels a step of the three takes about 6 s on one core",
        default=None, at_least=0, otherwise="1000, quick 25",
    )  # fmt: skip
    whole: int | None = option(
        "Further noisy images that make up each set, from which set-wise methods learn; 0 for none",
        default=None, at_least=0, otherwise="4000, quick 400",
    )  # fmt: skip
    box: int | None = option(
        "Even box of the images", default=None, at_least=SMALLEST_BOX, unit="pixels",
        otherwise="128, quick 64",
    )  # fmt: skip
    pixel_size: float | None = option(
        "Pixel size of the images in Å",
        default=None, unit="Å", above=0, otherwise="2.7, quick 5.4",
    )  # fmt: skip
    quick: bool = option("Few images, little training: minutes on a CPU", default=False)
    seed: int = option(
        "The same seed and --threads give the same table on a CPU", default=0, at_least=0
    )

    def size(self) -> Size:
        """Give the amounts, with all that was asked for in its place."""
        size = QUICK if self.quick else FULL
        given = {one.name: getattr(self, one.name, None) for one in fields(size)}
        return replace(size, **{name: value for name, value in given.items() if value is not None})

    def named_models(self) -> dict[str, str]:
        """Give shipped names or files of the models, by the names of their rows."""
        found: dict[str, str] = {}
        for text in self.models or (f"iceblock={DEFAULT}",):
            name, equals, place = text.partition("=")
            if not equals:
                name, place = text.rsplit("/", 1)[-1].removesuffix(".safetensors"), text
            if not name or not place:
                raise IceblockError(
                    f"--model {text!r} is no NAME=FILE: give a row's name and a model file or the "
                    "name of a shipped model."
                )
            if name in found:
                raise IceblockError(f"Two models are named {name!r}: give each its own NAME=FILE.")
            found[name] = place
        return found

    def check(self) -> None:
        """Raise IceblockError for values that make no sense."""
        super().check()
        self.one_device()
        size = self.size()
        self.named_models()
        if len(self.noisy) != len(self.clean):
            raise IceblockError(
                f"{len(self.noisy)} --noisy and {len(self.clean)} --clean were given: give them in "
                "pairs, noisy and clean particles of the same rows."
            )
        if self.noisy and self.volumes:
            raise IceblockError(
                "Pairs from files and pairs to be simulated were asked for: give --noisy with "
                "--clean, or --volume."
            )
        if size.box % 2:
            raise IceblockError(f"--box is {size.box} pixels and must be even.")
        if not self.snrs:
            raise IceblockError("No --snr is given: give one that is above 0.")
        if size.train_steps and not (self.train_volumes or self.phantoms):
            raise IceblockError(
                "The networks that are trained here need volumes: give --train-volume or "
                "--phantoms N, or leave them out with --train-steps 0."
            )


def slug(name: str) -> str:
    """Turn a row's name into one for a file."""
    return "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
