"""Do denoised images of like views fall together? Beside clean, raw and filtered ones.

    python benchmarks/clustering.py --volume HELD_OUT.pdb.gz --noise BANK

Views of a structure spread 5° about 32 equal-area directions, without a turn in the plane; k-means
on principal components, scored against the directions. Twice: 128 pixels of 2.7 Å at SNR 0.1, and
64 pixels of 5.4 Å at SNR 0.5. Each filter's parameters are those of the best adjusted Rand index on
views of a phantom at the same box and SNR (in the noise that a training would see), which is the
most that tuning without the truth could reach. In the last two rows the raw images are put into
classes as by `iceblock classify`, at 4 Å or coarser, from several first averages. Directions that
differ by a turn in the plane are one class. So in the last row each image is its class's average,
turned as the image is, and k-means sorts these. Intervals are over draws
of views and noise and starts of k-means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from proof import Denoise, markdown, noise_named, noise_source, ranged, shared_options
from results import record

from core.compare.clustering import SCORES, cluster_trials, draw_views, score_groups
from core.compare.filters import classical_baselines
from core.compare.views import draw_noise, view_pairs
from core.denoise.sampled import Sampled
from core.runs.classify.images import FINEST
from core.sets.classes.engine import Engine, Settings
from core.sets.classes.learn import learn
from core.sets.classes.polar import EDGE, polar_grid
from core.signal.ctf import random_ctf
from core.signal.fourier import fourier_resize
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path

    from core.compare.filters import Baseline, Parameters
    from core.noise.source import NoiseSource
    from core.simulate.pairs import Pairs

CASES = {"0.1": (0.1, 128, 2.7), "0.5": (0.5, 64, 5.4)}
"""SNR inside the particle, box in pixels, pixel size in Å."""
TUNED_ON = 2_000_003
"""Seed of the phantom."""
TUNING_EACH, TUNING_SEEDS = 6, 3
CLASSIFY = "iceblock classify"
WITH_TURNS = "iceblock classify, class and turn"
FIRST_AVERAGES = 3
"""Seeds of the classification."""


class Views:
    """Draws views of a structure under one set of conditions."""

    def __init__(
        self, k: int, spread: float, shift: float, defocus: tuple[float, float], snr: float
    ) -> None:
        self.k, self.spread, self.shift, self.defocus, self.snr = k, spread, shift, defocus, snr

    def draw(
        self, volume: VolumeTransform, noise: NoiseSource, box: int, each: int, seed: int
    ) -> tuple[Pairs, np.ndarray]:
        """Give pairs and their directions' numbers."""
        rng = np.random.default_rng(seed)
        angles, labels = draw_views(self.k, each, self.spread, rng)
        shifts = rng.normal(0, self.shift, (len(angles), 2)) / volume.pixel_size
        ctf = random_ctf(rng, len(angles), self.defocus) if self.defocus[1] > 0 else None
        images = draw_noise(noise, len(angles), box, torch.Generator().manual_seed(seed))
        return view_pairs(volume, angles, shifts, ctf, images, self.snr), labels


def tuned(
    filters: list[Baseline], pairs: Pairs, labels: np.ndarray, k: int
) -> dict[str, Parameters]:
    """Choose each filter's parameters by the adjusted Rand index on views of a phantom."""
    chosen = {}
    for baseline in filters:
        scores = [
            cluster_trials(images, labels, k, TUNING_SEEDS)["ari"].mean()
            for images in (baseline(pairs.noisy, pairs.clean, p) for p in baseline.grid)
        ]
        chosen[baseline.name] = baseline.grid[int(np.argmax(scores))]
    return chosen


def classes_of(
    pairs: Pairs, pixel_size: float, k: int, seed: int
) -> tuple[np.ndarray, torch.Tensor]:
    """Put the noisy images into classes; give their numbers, and their averages turned alike."""
    box = pairs.noisy.shape[-1]
    seen = min(box, 2 * round(box * pixel_size / FINEST / 2))
    images = fourier_resize(pairs.noisy, seen)
    grid = polar_grid(seen, 0.75 * seen / 2 + EDGE)
    rows = torch.arange(len(images))
    source = Sampled(images, pairs.ctf, rows, grid, pixel_size * box / seen, None)
    learned = learn(Engine(source, grid, Settings(k, 2.0, seed=seed)), rows)
    classes, averages = learned.poses.classes, learned.mixture.averages
    averages = torch.cat([averages, torch.zeros_like(averages[:1])])[classes]
    steps = (learned.poses.turns / 360 * grid.turns).round().long()
    turned = [a.roll(int(step), -1) for a, step in zip(averages, steps, strict=True)]
    return np.asarray(classes.numpy()), grid.images(torch.stack(turned))


def described(parameters: Parameters) -> str:
    """Write parameters for a row's name."""
    return ", ".join(f"{name.replace('_', ' ')} {value:g}" for name, value in parameters.items())


@click.command(help=__doc__)
@shared_options
@click.option(
    "--case", "cases", multiple=True, type=click.Choice(list(CASES)), help="[default: both]"
)
@click.option("-k", default=32, show_default=True, help="Directions.")
@click.option("--each", default=24, show_default=True, help="Images of a direction.")
@click.option("--spread", default=5.0, show_default=True, help="Degrees, about either image axis.")
@click.option("--shift", default=2.0, show_default=True, help="Å, sd of the offset along an axis.")
@click.option(
    "--defocus", nargs=2, default=(5000.0, 35000.0), show_default=True, help="Å; 0 0: no CTF."
)
@click.option("--draws", default=2, show_default=True, help="Of views and noise.")
@click.option("--starts", default=10, show_default=True, help="Of k-means, in each draw.")
@click.option("--fast-filters", is_flag=True, help="Only the filters that are linear.")
def main(
    model: str,
    volumes: tuple[Path, ...],
    banks: tuple[Path, ...],
    device: str,
    threads: int,
    seed: int,
    append: bool,
    cases: tuple[str, ...],
    k: int,
    each: int,
    spread: float,
    shift: float,
    defocus: tuple[float, float],
    draws: int,
    starts: int,
    fast_filters: bool,
) -> None:
    """Score all methods on all volumes."""
    torch.set_num_threads(threads)
    denoise = Denoise(model, device)
    filters = [b for b in classical_baselines()[0] if b.kind == "filter"]
    if fast_filters:
        filters = [b for b in filters if b.name in ("mean", "Gaussian", "low-pass")]
    for case in cases or tuple(CASES):
        snr, box, pixel_size = CASES[case]
        views = Views(k, spread, shift, defocus, snr)
        other = VolumeTransform(phantom(TUNED_ON, pixel_size, (150.0, 200.0)))
        training_noise = noise_source(banks, pixel_size, box, held_out=False)
        pairs, labels = views.draw(other, training_noise, box, TUNING_EACH, seed + 100)
        parameters = tuned(filters, pairs, labels, k)
        noise = noise_source(banks, pixel_size, box)
        for path in volumes:
            volume = VolumeTransform(read_volume(path, pixel_size))
            found: dict[str, list[dict[str, np.ndarray]]] = {}
            for draw in range(draws):
                pairs, labels = views.draw(volume, noise, box, each, seed + draw)
                images = {"clean": pairs.clean, "raw": pairs.noisy}
                images |= {b.name: b(pairs.noisy, pairs.clean, parameters[b.name]) for b in filters}
                given = (pairs.noisy, pixel_size, pairs.ctf)
                images["denoised, each alone"] = denoise(*given, each_alone=True)
                images["denoised"] = denoise(*given)
                for name, rows in images.items():
                    found.setdefault(name, []).append(cluster_trials(rows, labels, k, starts))
                seeds = range(FIRST_AVERAGES)
                guesses = [classes_of(pairs, pixel_size, k, s)[0] for s in seeds]
                found.setdefault(CLASSIFY, []).append(score_groups(labels, guesses))
                for s in seeds:
                    pictures = classes_of(pairs, pixel_size, k // 2, s)[1]
                    scores = cluster_trials(pictures, labels, k, starts)
                    found.setdefault(WITH_TURNS, []).append(scores)
            record(
                f"Clustering of {volume.name} by direction at SNR {snr:g}, {box} pixels of "
                f"{pixel_size:g} Å, {noise_named(banks)}, {model}",
                table(found, parameters, k * each),
                append,
            )


def table(
    found: dict[str, list[dict[str, np.ndarray]]], parameters: dict[str, Parameters], n: int
) -> list[str]:
    """Lay out all rows, and the denoised images' gain over the best filter."""
    pooled = {
        name: {s: np.concatenate([trials[s] for trials in draws]) for s in SCORES}
        for name, draws in found.items()
    }
    best = max(parameters, key=lambda name: pooled[name]["ari"].mean())
    rows = []
    for name, scores in pooled.items():
        shown = f"**{name}**" if name in (best, "denoised") else name
        note = described(parameters.get(name, {}))
        rows.append([shown, note, *(ranged(scores[s]) for s in SCORES)])
    means = {name: float(scores["ari"].mean()) for name, scores in pooled.items()}
    gains = {name: means["denoised"] / max(means[name], 1e-3) for name in (best, "raw")}
    lines = markdown(["images", "parameters", "ARI", "NMI", "accuracy"], rows)
    return [
        *lines,
        "",
        f"{n} images a draw. By ARI, denoised over the best filter ({best}): {gains[best]:.2f} "
        f"times; over raw: {gains['raw']:.2f} times.",
    ]


if __name__ == "__main__":
    main()
