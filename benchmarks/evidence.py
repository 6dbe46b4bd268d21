"""What sets tell of their own denoised images, beside the truth.

    python benchmarks/evidence.py DATA WORK --append

Sets of one structure each, of structures and noise that no model was trained with
(training_data.py). Each is learned as `iceblock denoise` does. What it tells of raw images, of each
estimate and of the result is compared with the true correlation, of all images together, in the
circle that the set itself chose and in the whole box.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from assemblies import chain_names, subset
from results import record
from training_data import (
    MARGINS,
    TEST,
    VALIDATION,
    noise_source,
    settings_at,
    structure_file,
)

from core.denoise.inference import Denoiser
from core.denoise.lesson import shown
from core.denoise.model_file import load_model
from core.denoise.set_learning import learn_set
from core.denoise.shipped import DEFAULT, find_model
from core.noise.source import SpectrumNoise
from core.sets.stacking.region import Region, circle, whole
from core.signal.background import ring_statistics
from core.signal.ctf import joined
from core.signal.fourier import fourier_resize
from core.signal.spectrum import ice_like_power
from core.simulate.atomic_models import density_of_model, read_model
from core.simulate.pairs import PairGenerator
from core.simulate.projection import VolumeTransform

if TYPE_CHECKING:
    from core.denoise.known_set import KnownSet
    from core.noise.source import NoiseSource
    from core.sets.stacking.evidence import Told
    from core.signal.ctf import CtfParameters

warnings.simplefilter("ignore")

BOX, PIXEL_SIZE = 64, 4.0
"""Pixels; Å."""
STRUCTURES = {"one chain of β-galactosidase": (TEST, 1), "TRPV1": (VALIDATION, None)}
SNRS = (0.5, 0.1, 0.05)
HEADS = ("structure", "noise", "SNR", "estimate", "told", "true", "told, box", "true, box")


def volume(data: Path, name: str, chains: int | None) -> VolumeTransform:
    """Give the transform of some chains of a structure, or of all."""
    model = read_model(structure_file(data, name))
    model = model if chains is None else subset(model, chain_names(model)[:chains])
    return VolumeTransform(density_of_model(model, PIXEL_SIZE, None))


Drawn = tuple[torch.Tensor, torch.Tensor, "CtfParameters"]


def drawn(generator: PairGenerator, n: int, seed: int) -> Drawn:
    """Draw noisy and clean images (n, box, box) of a set, and their CTFs."""
    rng, noise = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    parts = [generator.draw(min(250, n - k), BOX, rng, noise) for k in range(0, n, 250)]
    noisy, clean = (torch.cat([getattr(p, name) for p in parts]) for name in ("noisy", "clean"))
    return noisy, clean, joined([part.ctf for part in parts])


def estimates(
    denoiser: Denoiser, known: KnownSet, noisy: torch.Tensor, ctf: CtfParameters
) -> dict[str, torch.Tensor]:
    """Give all estimates, by the names that the evidence has for them."""
    working = denoiser.model.card.working_pixel_size
    seen, usable = shown(noisy.numpy(), PIXEL_SIZE, 1, working, ctf)
    if seen.images.shape[-1] != BOX or not usable.all():
        raise ValueError("this benchmark takes sets at the network's pixel size")
    pieces = torch.split(torch.arange(len(noisy)), 32)
    made = {"raw": [seen.images]}
    with torch.inference_mode():
        for rows in pieces:
            some = seen.take(rows)
            answer = denoiser.network(some)
            made.setdefault("network", []).append(answer)
            answers = known.answers(some, answer)[1:]
            for estimator, found in zip(known.estimators(), answers, strict=True):
                made.setdefault(estimator.name, []).append(fourier_resize(found, BOX))
            made.setdefault("result", []).append(known.result(answer, some))
    return {name: torch.cat(several) for name, several in made.items()}


def true_correlation(region: Region, images: torch.Tensor, truth: torch.Tensor) -> float:
    """Correlate all images with their truths together, in a region."""
    one, other = region.of(images), region.of(truth)
    cross, own, there = (
        float(region.products(a, b).sum()) for a, b in ((one, other), (one, one), (other, other))
    )
    return float(cross / (own * there) ** 0.5)


class Tally:
    """How often and how far the told correlations miss the true ones."""

    def __init__(self) -> None:
        self.held: list[bool] = []
        self.apart: list[float] = []
        self.orders: list[bool] = []

    def compare(
        self,
        told: dict[str, Told],
        regions: dict[str, Region],
        truth: torch.Tensor,
        found: dict[str, torch.Tensor],
    ) -> list[list[str]]:
        """Give the cells of each estimate's row."""  # fmt: skip
        rows, pairs = [], []
        for name, images in found.items():
            cells = [name]
            for attribute, region in regions.items():
                one, true = getattr(told[name], attribute), true_correlation(region, images, truth)
                cells += ["–" if one is None else f"{one.value:.3f} ({one.low:.3f} to "
                          f"{one.high:.3f})", f"{true:.3f}"]  # fmt: skip
                if one is not None and attribute == "correlation":
                    self.held.append(one.low <= true <= one.high)
                    self.apart.append(abs(one.value - true))
                    pairs.append((one.value, true))
            rows.append(cells)
        self.orders += [
            (a > c) == (b > d)
            for k, (a, b) in enumerate(pairs)
            for c, d in pairs[:k]
            if abs(b - d) > 0.02
        ]
        return rows

    def words(self) -> str:
        """Say so in a sentence."""
        rms = np.sqrt(np.mean(np.square(self.apart)))
        return (
            f"Within the particle: the intervals hold the truth in {np.mean(self.held):.0%} of "
            f"{len(self.held)}; the largest difference is {max(self.apart):.3f}, the root of its "
            f"mean square {rms:.3f}; the order of two estimates that differ by more than 0.02 is "
            f"right in {np.mean(self.orders):.0%}."
        )


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--model", default=DEFAULT, show_default=True, help="A name, or a file.")
@click.option("--images", default=1000, show_default=True, help="Of each set.")
@click.option("--snr", "snrs", multiple=True, default=SNRS, show_default=True, help="Of sets.")
@click.option("--seed", default=21, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    data: Path, work: Path, model: str, images: int, snrs: tuple[float, ...], seed: int,
    threads: int, append: bool,
) -> None:  # fmt: skip
    """Print a table."""
    torch.set_num_threads(threads)
    device = torch.device("cpu")
    denoiser = Denoiser(load_model(find_model(model), device), device)
    noises: dict[str, NoiseSource] = {
        "ice": noise_source(data, work, held_out=True),
        "spectrum": SpectrumNoise(ice_like_power()),
    }
    lines, tally = [f"| {' | '.join(HEADS)} |", "|" + "---|" * len(HEADS)], Tally()
    for structure, (file, chains) in STRUCTURES.items():
        density = volume(data, file, chains)
        for kind, noise in noises.items():
            for snr in snrs:
                seed += 1
                generator = PairGenerator([density], noise, settings_at(snr, MARGINS["tight"]))
                noisy, clean, ctf = drawn(generator, images, seed)
                sets = learn_set(denoiser, noisy.numpy(), PIXEL_SIZE, ctf)
                known = next(iter(sets.values()), None)
                if known is None or known.evidence is None:
                    print(structure, kind, snr, "nothing was learned", flush=True)
                    continue
                radius = known.evidence.radius / known.evidence.pixel_size
                regions = {"correlation": circle(BOX, radius), "box_correlation": whole(BOX)}
                told = {one.name: one for one in known.evidence.told}
                truth = clean / ring_statistics(noisy)[1]
                found = estimates(denoiser, known, noisy, ctf)
                for cells in tally.compare(told, regions, truth, found):
                    lines.append(f"| {' | '.join([structure, kind, f'{snr:g}', *cells])} |")
                    print(lines[-1], flush=True)
    lines += ["", tally.words()]
    print(lines[-1])
    record(f"What sets tell of themselves, {images:,} images each", lines, append)


if __name__ == "__main__":
    main()
