"""Does the confidence of a denoised particle tell how good it is? Measure and calibrate it.

    python benchmarks/confidence.py --model iceblock-4A --volume held_out.pdb.gz --noise BANK

Simulated particles (of the given structures and of phantoms that no model ships with, in noise of
the banks or in ice-like noise) are denoised with their confidences, once with SNRs drawn
log-uniformly and once at each of some fixed SNRs. The Spearman rank correlation of the confidence
with the true correlation inside the particle mask is printed, and the table that turns agreement
into confidence (`TABLE` in core/denoise/confidence.py), fitted to the particles of mixed SNRs.
With --append the results go to benchmarks/RESULTS.md. It is the confidence of --each-alone; that of
results that learned from their set is measured by `set_confidence.py`.
"""

from __future__ import annotations

from pathlib import Path

import click
import numpy as np
import numpy.typing as npt
import torch
from results import record
from scipy.optimize import isotonic_regression
from scipy.stats import spearmanr

from core.compute.device import choose_device
from core.denoise.confidence import VIEWS
from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.shipped import DEFAULT, find_model
from core.signal.agreement import masked_correlation
from core.simulate.pairs import PairSettings
from core.simulate.sources import pair_generator

PHANTOMS = range(7_000_000, 7_000_006)
RANGE = (0.02, 1.0)
FIXED = (1.0, 0.5, 0.2, 0.1, 0.05, 0.02)
KNOTS = 12
PIECE = 50

Floats = npt.NDArray[np.float64]


def measure(
    denoiser: Denoiser,
    sources: tuple[tuple[Path, ...], tuple[Path, ...]],
    snr_range: tuple[float, float],
    n: int,
    geometry: tuple[int, float],
    seed: int,
) -> tuple[Floats, Floats]:
    """Agreements (n,), and correlations with the truth inside the mask (n,)."""
    volumes, noise = sources
    box, pixel_size = geometry
    settings = PairSettings(snr_range=snr_range, group=1, neighbour_rate=0.3)
    generator = pair_generator(volumes, list(PHANTOMS), noise, pixel_size, settings)
    rng, random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    agreed, true = [], []
    for start in range(0, n, PIECE):
        pairs = generator.draw(min(PIECE, n - start), box, rng, random)
        answer = denoiser.answer(pairs.noisy.numpy(), pixel_size, confidence=True)
        denoised, values = answer.denoised, answer.confidence
        found = masked_correlation(torch.from_numpy(denoised), pairs.clean, pairs.mask)
        agreed.append(values)
        true.append(found.numpy())
    return np.concatenate(agreed).astype(float), np.concatenate(true).astype(float)


def rank_correlation(agreed: Floats, true: Floats) -> float:
    """Spearman's rank correlation."""
    return float(spearmanr(agreed, true).statistic)


def fit_table(agreed: Floats, true: Floats) -> list[tuple[float, float]]:
    """Rising correlation by agreement: isotonic regression, read at quantiles of agreement."""
    order = np.argsort(agreed)
    rising = isotonic_regression(true[order]).x
    places = np.unique(np.quantile(agreed, np.linspace(0.01, 0.99, KNOTS)).round(4))
    # Means over neighbours, so that a knot does not stand on a step.
    half = max(1, len(agreed) // (2 * KNOTS))
    middles = np.searchsorted(agreed[order], places)
    values = [rising[max(0, m - half) : m + half].mean().round(3) for m in middles]
    inside = [(float(a), float(c)) for a, c in zip(places, values, strict=True)]
    lowest = -1 / (VIEWS - 1)
    return [(round(lowest, 4), 0.0), *(pair for pair in inside if lowest < pair[0] < 1), (1.0, 1.0)]


@click.command()
@click.option("--model", default=DEFAULT, show_default=True, metavar="NAME|FILE")
@click.option(
    "--volume", "volumes", multiple=True, type=click.Path(exists=True, path_type=Path),
    help="Structure that the model never saw; may be given again.",
)  # fmt: skip
@click.option("--noise", multiple=True, type=click.Path(exists=True, path_type=Path))
@click.option("--box", default=80, show_default=True)
@click.option("--pixel-size", default=4.2, show_default=True)
@click.option("-n", "number", default=2000, show_default=True, help="Particles of mixed SNRs.")
@click.option("--each", default=400, show_default=True, help="Particles at each fixed SNR.")
@click.option("--threads", default=1, show_default=True)
@click.option("--seed", default=0, show_default=True)
@click.option("--append", is_flag=True, help="Add the results to benchmarks/RESULTS.md.")
def main(
    model: str,
    volumes: tuple[Path, ...],
    noise: tuple[Path, ...],
    box: int,
    pixel_size: float,
    number: int,
    each: int,
    threads: int,
    seed: int,
    append: bool,
) -> None:
    """Print rank correlations and the calibration table."""
    torch.set_num_threads(threads)
    loaded = load_model(find_model(model))
    denoiser = Denoiser(loaded, choose_device("cpu"))
    denoiser.calibration = ((0.0, 0.0), (1.0, 1.0))
    sources, geometry = (volumes, noise), (box, pixel_size)
    agreed, true = measure(denoiser, sources, RANGE, number, geometry, seed)
    lines = [
        "| SNR | particles | rank correlation | true correlation, mean ± sd |",
        "|---|---|---|---|",
        _row(f"{RANGE[0]:g} to {RANGE[1]:g}", agreed, true),
    ]
    for k, snr in enumerate(FIXED, 1):
        lines.append(
            _row(f"{snr:g}", *measure(denoiser, sources, (snr, snr), each, geometry, seed + k))
        )
    table = ", ".join(f"({a:g}, {c:g})" for a, c in fit_table(agreed, true))
    lines += ["", f"Agreement and expected correlation: {table}."]
    names = [path.name for path in volumes] + [f"phantoms {PHANTOMS[0]} to {PHANTOMS[-1]}"]
    about = (
        f"{loaded.card.name} ({loaded.sha256[:12]}), box {box}, {pixel_size:g} Å, "
        f"{', '.join(names)}; {'noise banks' if noise else 'ice-like noise'}"
    )
    record(f"Confidence and true correlation, {about}", lines, append)


def _row(label: str, agreed: Floats, true: Floats) -> str:
    found = rank_correlation(agreed, true)
    return f"| {label} | {len(true)} | {found:.2f} | {true.mean():.2f} ± {true.std():.2f} |"


if __name__ == "__main__":
    main()
