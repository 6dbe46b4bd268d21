"""What a reference volume adds to a set, and that a wrong one takes nothing away.

    python benchmarks/reference.py DATA WORK --append

Sets of one structure that no model has seen: one chain of a tetramer (116 kDa), three of four
chains of a channel, and one chain of each, end to end (180 kDa). None has a symmetry. The noise is
that of one project's ice. Each set is denoised without a reference, with the right one, cut at a
resolution, and with a wrong one: three chains of a chaperonin. The score is the mean correlation
with the truth inside the tight particle mask, in which the SNR holds.
"""

from __future__ import annotations

import time
import warnings
from dataclasses import replace
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING

import click
import mrcfile
import numpy as np
import torch
from assemblies import across, chain_names, nearest_chains, subset
from results import record
from training_data import (
    MARGINS,
    PROJECTS,
    REAL_BLOCKS_OF,
    TEST,
    VALIDATION,
    bank,
    settings_at,
    structure_file,
)

from core.denoise.given import Given
from core.denoise.inference import Denoiser
from core.denoise.model_file import load_model
from core.denoise.set_learning import learn_set
from core.denoise.shipped import DEFAULT, find_model
from core.signal.agreement import masked_correlation
from core.signal.ctf import joined
from core.signal.filters import oracle_wiener
from core.simulate.atomic_models import density_of_model, read_model
from core.simulate.pairs import PairGenerator, Pairs
from core.simulate.projection import VolumeTransform
from core.simulate.training_noise import hold_out, noise_of

if TYPE_CHECKING:
    from core.simulate.volume import Volume

warnings.simplefilter("ignore")

SCORED = 256
STRUCTURES = {
    "one chain": [(TEST, 1)],
    "three chains": [(VALIDATION, 3)],
    "two unlike chains": [(TEST, 1), (VALIDATION, 1)],
}
WRONG = [("1oel_GroEL", 3)]
SHIFT_SD = 6.0
"""Å."""


def structure(data: Path, chains: list[tuple[str, int]], pixel_size: float) -> Volume:
    """Give the density of some neighbouring chains of models, at a pixel size (Å)."""
    models = []
    for source, count in chains:
        model = read_model(structure_file(data, source))
        models.append(subset(model, nearest_chains(model, chain_names(model)[0], count)))
    return density_of_model(reduce(across, models), pixel_size)


def cut(volume: Volume, resolution: float) -> Volume:
    """Filter a density at a resolution (Å)."""
    frequency = np.fft.fftfreq(volume.box, volume.pixel_size) ** 2
    radius = np.sqrt(frequency[:, None, None] + frequency[:, None] + frequency)
    kept = 1 / np.sqrt(1 + (radius * resolution) ** 16)
    data = np.fft.ifftn(np.fft.fftn(volume.data) * kept).real
    return replace(volume, data=data.astype(np.float32))


def write(path: Path, volume: Volume) -> Path:
    """Write a density as a map."""
    with mrcfile.new(path, overwrite=True) as file:
        file.set_data(volume.data)
        file.voxel_size = volume.pixel_size
    return path


def emptied(pairs: Pairs, part: float) -> Pairs:
    """Take the particles out of a part of the images, spread evenly; their noise stays."""
    number = torch.arange(len(pairs.noisy))
    chosen = (number * part).floor() != ((number + 1) * part).floor()
    clean = torch.where(chosen[:, None, None], 0.0, pairs.clean)
    return replace(pairs, noisy=pairs.noisy - (pairs.clean - clean), clean=clean)


def draw(generator: PairGenerator, n: int, box: int) -> Pairs:
    """Draw images of a box (pixels) and their truth."""
    rng, noise = np.random.default_rng(11), torch.Generator().manual_seed(11)
    parts = [generator.draw(min(250, n - k), box, rng, noise) for k in range(0, n, 250)]
    return replace(
        parts[0],
        noisy=torch.cat([part.noisy for part in parts]),
        clean=torch.cat([part.clean for part in parts]),
        mask=torch.cat([part.mask for part in parts]),
        ctf=joined([part.ctf for part in parts]),
    )


def scores(denoiser: Denoiser, pairs: Pairs, n: int, given: Given) -> tuple[float, float, float]:
    """Learn from the first n images with what is given; score the others.

    Returns
    -------
    correlation
        With the truth, mean of the particles.
    seconds
        Of the processor, to learn.
    left
        Rms of the denoised images without a particle over that of the raw ones; NaN without any.
    """
    rest = np.arange(n, len(pairs.noisy))
    noisy, mine = pairs.noisy.numpy(), pairs.ctf.take(np.arange(n))
    pixel_size = float(pairs.pixel_size[0])
    began = time.process_time()
    sets = learn_set(denoiser, noisy[:n], pixel_size, mine, 1, given)
    seconds = time.process_time() - began
    in_set = Denoiser(denoiser.model, denoiser.device, sets=sets)
    found = torch.from_numpy(in_set(noisy[rest], pixel_size, 1, pairs.ctf.take(rest))[0])
    shown = with_particle(pairs, n)
    score = masked_correlation(found[shown], pairs.clean[rest][shown], pairs.mask[rest][shown])
    ice = pairs.noisy[rest][~shown]
    left = (found[~shown].square().mean() / ice.square().mean()).sqrt()
    return float(score.mean()), seconds, float(left)


def with_particle(pairs: Pairs, n: int) -> torch.Tensor:
    """Tell which of the images after the first n show a particle."""
    return pairs.clean[n:].flatten(1).any(dim=1)


def by_wiener(pairs: Pairs, n: int) -> float:
    """Score the Wiener filter that knows the mean spectra, on the particles after the first n."""
    shown = with_particle(pairs, n)
    noisy, clean = pairs.noisy[n:][shown], pairs.clean[n:][shown]
    scored = masked_correlation(oracle_wiener(noisy, clean), clean, pairs.mask[n:][shown])
    return float(scored.mean())


@click.command(help=__doc__)
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--box", default=64, show_default=True, help="Pixels.")
@click.option("--pixel-size", default=4.0, show_default=True, help="Å.")
@click.option("--images", default=4000, show_default=True, help="Of each set.")
@click.option("--resolution", default=15.0, show_default=True, help="Of the right volume, Å.")
@click.option("--snr", "snrs", type=float, multiple=True, default=(0.5, 0.1, 0.05))
@click.option(
    "--defocus",
    type=float,
    nargs=2,
    default=(8000.0, 25000.0),
    show_default=True,
    help="Least and most, Å.",
)
@click.option("--ice", type=click.Choice(list(PROJECTS)), default=REAL_BLOCKS_OF, show_default=True)
@click.option(
    "--structure",
    "names",
    type=click.Choice(list(STRUCTURES)),
    multiple=True,
    default=list(STRUCTURES),
)
@click.option(
    "--empty", default=0.0, show_default=True, help="Part of the images that show ice alone."
)
@click.option("--alone", is_flag=True, help="Denoise without a volume only.")
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    data: Path,
    work: Path,
    box: int,
    pixel_size: float,
    images: int,
    resolution: float,
    snrs: tuple[float, ...],
    defocus: tuple[float, float],
    ice: str,
    names: tuple[str, ...],
    empty: float,
    alone: bool,
    append: bool,
) -> None:
    """Print a table."""
    torch.set_num_threads(1)
    device = torch.device("cpu")
    denoiser = Denoiser(load_model(find_model(DEFAULT), device), device)
    blocks = bank(data, work, ice, PROJECTS[ice][1][0], pixel_size)
    noise, _ = noise_of([hold_out(blocks)[1]], [box], device)
    wrong_map = write(work / "wrong.mrc", cut(structure(data, WRONG, pixel_size), resolution))
    heads = ["structure", "SNR", "oracle Wiener", "none", "none over Wiener", "CPU s"]
    heads += ["empty, rms over raw"] if empty else []
    heads += [] if alone else ["right", "wrong", "right over Wiener", "CPU s more"]
    lines = [f"| {' | '.join(heads)} |", "|" + "---|" * len(heads)]
    for name in names:
        volume = structure(data, STRUCTURES[name], pixel_size)
        right_map = write(work / f"{name.replace(' ', '_')}.mrc", cut(volume, resolution))
        for snr in snrs:
            settings = settings_at(snr, MARGINS["tight"])
            settings = replace(settings, shift_sd=SHIFT_SD, defocus_range=defocus)
            generator = PairGenerator([VolumeTransform(volume)], noise, settings)
            pairs = emptied(draw(generator, images + SCORED, box), empty)
            wiener = by_wiener(pairs, images)
            none, before, left = scores(denoiser, pairs, images, Given())
            cells = [name, f"{snr:g}", f"{wiener:.3f}", f"{none:.3f}", f"{none / wiener:.2f}"]
            cells.append(f"{before:.0f}")
            cells += [f"{left:.3f}"] if empty else []
            if not alone:
                right, seconds, _ = scores(denoiser, pairs, images, Given([right_map]))
                wrong, _, _ = scores(denoiser, pairs, images, Given([wrong_map]))
                cells += [f"{right:.3f}", f"{wrong:.3f}", f"{right / wiener:.2f}"]
                cells.append(f"{seconds - before:.0f}")
            lines.append(f"| {' | '.join(cells)} |")
            print(lines[-1], flush=True)
    given = f"A reference volume at {resolution:g} Å"
    record(f"{given}, {images:,} images of {box} × {pixel_size:g} Å, {ice}", lines, append)


if __name__ == "__main__":
    main()
