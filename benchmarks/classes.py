"""`iceblock classify` beside RELION's 2D classification, on the same particles in one run.

    python benchmarks/classes.py --volume ONE.pdb.gz --volume OTHER.pdb.gz --noise BANK

Simulated particles of two structures are mixed, all poses and a CTF each. Purity and spread of
views are those of classes2d.py; NMI is the normalised mutual information of classes and structures.
The particles are written once, and both programs read the same files. `--no-relion` leaves RELION
out.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import click
import numpy as np
import starfile
import torch
from classes2d import PROGRAM, classify, purity, spread
from measures.reconstruction import write_particles
from measures.symmetry import symmetry_rotations
from proof import markdown, noise_named, noise_source
from results import record

from core.compare.views import draw_noise, view_pairs
from core.extra import from_extra
from core.runs.classify.options import ClassifyOptions
from core.runs.classify.run import run
from core.signal.ctf import random_ctf
from core.simulate.projection import VolumeTransform, random_angles
from core.simulate.volumes import read_volume

HEADS = (
    "program",
    "SNR",
    "seed",
    "classes used",
    "purity",
    "NMI",
    "spread of views (°)",
    "seconds",
)
PATH = click.Path(exists=True, path_type=Path)


@click.command(help=__doc__)
@click.option("--volume", "volumes", multiple=True, required=True, type=PATH)
@click.option("--noise", "banks", multiple=True, type=PATH)
@click.option("--snr", "snrs", multiple=True, type=float, default=(0.5, 0.1), show_default=True)
@click.option("-n", "number", default=2000, show_default=True, help="Particles.")
@click.option("--box", default=64, show_default=True)
@click.option("--pixel-size", default=4.0, show_default=True, help="Å.")
@click.option("--classes", default=10, show_default=True)
@click.option("--iterations", default=25, show_default=True)
@click.option("--shift", default=6.0, show_default=True, help="Å, sd of the offset along an axis.")
@click.option("--seeds", default=3, show_default=True, help="Of the classifications.")
@click.option("--threads", default=2, show_default=True)
@click.option("--relion/--no-relion", default=True)
@click.option("--append", is_flag=True, help="Add the table to benchmarks/RESULTS.md.")
def main(
    volumes: tuple[Path, ...],
    banks: tuple[Path, ...],
    snrs: tuple[float, ...],
    number: int,
    box: int,
    pixel_size: float,
    classes: int,
    iterations: int,
    shift: float,
    seeds: int,
    threads: int,
    relion: bool,
    append: bool,
) -> None:
    """Classify with both programs, and score."""
    torch.set_num_threads(threads)
    densities = [read_volume(path, pixel_size) for path in volumes]
    transforms = [VolumeTransform(density) for density in densities]
    symmetries = [symmetry_rotations(density) for density in densities]
    diameter = min(max(t.diameter for t in transforms) + 20, 0.95 * box * pixel_size)
    rng = np.random.default_rng(0)
    structures = np.sort(rng.integers(len(densities), size=number))
    angles, shifts = random_angles(rng, number), rng.normal(0, shift, (number, 2)) / pixel_size
    ctf = random_ctf(rng, number, (8000.0, 25000.0))
    # One optics group, as write_particles makes it.
    ctf.voltage[:], ctf.spherical_aberration[:], ctf.amplitude_contrast[:] = 300.0, 2.7, 0.1
    source = noise_source(banks, pixel_size, box)
    noise = draw_noise(source, number, box, torch.Generator().manual_seed(0))
    nmi = from_extra("sklearn.metrics").normalized_mutual_info_score
    rows = []
    for snr in snrs:
        parts = []
        for k, transform in enumerate(transforms):
            own = np.flatnonzero(structures == k)
            given = (angles[own], shifts[own], ctf.take(own), noise[own])
            parts.append(view_pairs(transform, *given, snr).noisy)
        images = torch.cat(parts)  # the structures are sorted
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as temporary:
                folder = Path(temporary)
                blank = (np.zeros((number, 3)), np.zeros((number, 2)))
                write_particles(folder, images, *blank, ctf, pixel_size)
                begin = time.perf_counter()
                run(
                    ClassifyOptions(
                        folder / "particles.star", folder / "Classes", classes=classes,
                        particle_diameter=diameter, iterations=iterations, seed=seed,
                        contrast="white", threads=threads,
                    )
                )  # fmt: skip
                seconds = time.perf_counter() - begin
                table = starfile.read(folder / "Classes" / "particles.star")["particles"]
                found = table["rlnClassNumber"].to_numpy(dtype=np.int64)
                results = [("iceblock classify", found, seconds)]
                if relion and shutil.which(PROGRAM):
                    settings = (
                        f"--K {classes} --ctf --tau2_fudge 2 --particle_diameter {diameter:.0f} "
                        "--oversampling 1 --psi_step 12 --offset_range 5 --offset_step 2 "
                        "--flatten_solvent --zero_mask --norm --scale --pad 2 --pool 30 "
                        "--preread_images --no_parallel_disc_io --dont_combine_weights_via_disc "
                        f"--random_seed {seed + 1} --j {threads}"
                    ).split()
                    theirs, _, minutes = classify(
                        images, ctf, pixel_size, folder / "relion", settings, iterations
                    )
                    results.append((PROGRAM, theirs, 60 * minutes))
            for name, groups, spent in results:
                rows.append(
                    [
                        name, f"{snr:g}", str(seed), str(len(np.unique(groups))),
                        f"{purity(groups, structures):.3f}", f"{nmi(structures, groups):.3f}",
                        f"{spread(groups, structures, angles, symmetries):.1f}", f"{spent:.1f}",
                    ]
                )  # fmt: skip
                click.echo(" | ".join(rows[-1]), err=True)
    names = " and ".join(density.name for density in densities)
    record(
        f"2D classes of {number} particles of {names}, {box} pixels of {pixel_size:g} Å, K = "
        f"{classes}, {iterations} iterations, {noise_named(banks)}, {threads} threads",
        markdown(HEADS, rows),
        append,
    )


if __name__ == "__main__":
    main()
