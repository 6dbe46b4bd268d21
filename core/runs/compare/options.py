"""What can be asked of a comparison, and the names of its outputs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ...denoise.shipped import DEFAULT
from ...errors import IceblockError
from ...images.validation import SMALLEST_BOX

if TYPE_CHECKING:
    from pathlib import Path

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


@dataclass(frozen=True)
class CompareOptions:
    """What to compare on what."""

    out: Path
    models: tuple[str, ...] = ()
    """NAME=FILE, NAME=SHIPPED, or FILE alone; the first is ours, by default the shipped one."""
    volumes: tuple[Path, ...] = ()
    """Maps and atomic models that are scored on; phantoms by default."""
    noise: tuple[Path, ...] = ()
    """Noise banks to score on; a part of each is kept for tuning and training where `train_noise`
    is not given. By default noise with an ice-like spectrum."""
    train_volumes: tuple[Path, ...] = ()
    """For the networks that are trained here, besides `phantoms`."""
    train_noise: tuple[Path, ...] = ()
    phantoms: int = 24
    """To train on."""
    noisy: tuple[Path, ...] = ()
    clean: tuple[Path, ...] = ()
    """Metadata of pairs to score on, row by row the same, in the place of simulated ones."""
    particles: Path | None = None
    """Real particles to show the models on."""
    snrs: tuple[float, ...] = (1.0, 0.1)
    """Of the simulated sets: weak noise, strong noise."""
    quick: bool = False
    number: int | None = None
    """This and what follows go before what `quick` or its absence stands for."""
    train_steps: int | None = None
    whole: int | None = None
    box: int | None = None
    pixel_size: float | None = None
    device: str = "auto"
    threads: int | None = None
    seed: int = 0
    overwrite: bool = False
    command: str = ""
    """As given, for the record."""

    def size(self) -> Size:
        """Give the amounts, with all that was asked for in its place."""
        size = QUICK if self.quick else FULL
        return Size(
            number=_first(self.number, size.number),
            validation=size.validation,
            directions=size.directions,
            views=size.views,
            starts=size.starts,
            train_steps=_first(self.train_steps, size.train_steps),
            whole=_first(self.whole, size.whole),
            box=_first(self.box, size.box),
            pixel_size=size.pixel_size if self.pixel_size is None else self.pixel_size,
        )

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
        if size.box % 2 or size.box < SMALLEST_BOX:
            raise IceblockError(
                f"The box is {size.box} pixels and must be even and at least {SMALLEST_BOX}."
            )
        if not 0 < size.pixel_size < float("inf"):
            raise IceblockError(f"The pixel size is {size.pixel_size:g} and must be above 0 (Å).")
        if size.number < 4 or size.train_steps < 0:
            raise IceblockError(
                "A comparison needs 4 or more images, and training steps of 0 or more."
            )
        if not self.snrs or not all(0 < snr < float("inf") for snr in self.snrs):
            raise IceblockError("SNRs must be above 0.")
        if self.seed < 0 or self.phantoms < 0:
            raise IceblockError("The seed and the number of phantoms cannot be negative.")
        if self.threads is not None and self.threads < 1:
            raise IceblockError(f"threads is {self.threads} and must be at least 1.")
        if size.train_steps and not (self.train_volumes or self.phantoms):
            raise IceblockError(
                "The networks that are trained here need volumes: give --train-volume or "
                "--phantoms N, or leave them out with --train-steps 0."
            )


def _first(given: int | None, otherwise: int) -> int:
    return otherwise if given is None else given


def slug(name: str) -> str:
    """Turn a row's name into one for a file."""
    return "".join(c if c.isalnum() else "_" for c in name.lower()).strip("_")
