"""Two models on the same held-out images: what one gains over the other, with the error of that.

    python benchmarks/two_models.py DATA WORK --old iceblock-4A --new FILE [--box 128@2.7]

DATA, WORK and what is held out: see training_data.py. The score is the mean correlation with the
truth inside the particle mask; the gain is the mean difference over the images, and its error is
the standard error of that mean. Both networks are asked about each image alone, without a set.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from results import record
from training_data import MARGINS, TEST, VALIDATION, held_out_sets

from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.shipped import DEFAULT, find_model
from core.signal.agreement import masked_correlation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from core.denoise.model_file import Model
    from core.denoise.training.held_out import HeldOut

SNRS = (0.5, 0.1, 0.05)


@dataclass(frozen=True)
class Gain:
    """One row."""

    images: str
    """Structure and mask."""
    snr: float
    old: float
    new: float
    gain: float
    """Mean of the differences, image by image."""
    error: float
    """Its standard error."""

    @property
    def sure(self) -> bool:
        """Whether the new model is better by more than the error."""
        return self.gain > self.error


def gains(
    old: Model, new: Model, held_out: HeldOut, pixel_size: float, images: str, device: torch.device
) -> Iterator[Gain]:
    """Score two models on held-out images; both know the images' CTFs."""
    denoisers = [Denoiser(model, device) for model in (old, new)]
    for snr, pairs in held_out.sets.items():
        raw = np.ascontiguousarray(pairs.noisy.numpy())
        one, other = (
            masked_correlation(
                torch.from_numpy(denoiser(raw, pixel_size, ctf=pairs.ctf)[0]),
                pairs.clean,
                pairs.mask,
            ).double()
            for denoiser in denoisers
        )
        apart = other - one
        error = float(apart.std() / len(apart) ** 0.5)
        yield Gain(images, snr, float(one.mean()), float(other.mean()), float(apart.mean()), error)


def held_out_gains(
    old: Model,
    new: Model,
    data: Path,
    work: Path,
    device: torch.device,
    geometry: tuple[int, float] = (64, 5.36),
    n: int = 128,
) -> list[Gain]:
    """Score two models on both held-out structures in both masks."""
    box, pixel_size = geometry
    found: list[Gain] = []
    for structure in (VALIDATION, TEST):
        for mask, margin in MARGINS.items():
            held = held_out_sets(data, work, structure, box, pixel_size, n, margin, SNRS)
            name = f"{structure.partition('_')[2]}, mask {mask}"
            found += gains(old, new, held, pixel_size, name, device)
    return found


def table(rows: Iterable[Gain], names: tuple[str, str] = ("old", "new")) -> list[str]:
    """Give Markdown."""
    lines = [f"| images | SNR | {names[0]} | {names[1]} | gain | error |", 6 * "|---" + "|"]
    lines += [
        f"| {r.images} | {r.snr:g} | {r.old:.4f} | {r.new:.4f} | {r.gain:+.4f} | {r.error:.4f} |"
        for r in rows
    ]
    return lines


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--old", default=DEFAULT, show_default=True, help="A name, or a file.")
@click.option("--new", required=True, help="A name, or a file.")
@click.option("--box", "geometry", default="64@5.36", show_default=True, metavar="BOX@Å")
@click.option("-n", "number", default=128, show_default=True, help="Images at each SNR.")
@click.option("--device", default="cpu", show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--append", is_flag=True, help="Append the table to RESULTS.md.")
def main(
    data: Path,
    work: Path,
    old: str,
    new: str,
    geometry: str,
    number: int,
    device: str,
    threads: int,
    append: bool,
) -> None:
    """Print a table."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(threads)
    place = torch.device(device)
    one, other = (load_model(find_model(name), place) for name in (old, new))
    box, _, size = geometry.partition("@")
    rows = held_out_gains(one, other, data, work, place, (int(box), float(size)), number)
    lines = table(rows, (one.card.name, other.card.name))
    record(f"{other.card.name} beside {one.card.name}, box {geometry} Å", lines, append)


if __name__ == "__main__":
    main()
