"""RELION's 2D classification of raw and of denoised particles, with the same settings.

    python benchmarks/classes2d.py --volume ONE.pdb.gz --volume OTHER.pdb.gz --noise BANK

Simulated particles of two structures (held out of the model's training) are mixed, all poses and a
CTF each, and classified by relion_refine as they are and denoised. A class is as pure as the part
of its commonest structure; the spread of its views is the median angle between the viewing
directions of two of its particles of one structure, up to that structure's symmetry. The resolution
is what RELION prints for its classes, which for denoised images is no measure of truth. With one
volume only a phantom is the other structure.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import numpy.typing as npt
import starfile
import torch
from measures.reconstruction import write_particles
from measures.symmetry import symmetry_rotations
from proof import Denoise, markdown, noise_named, noise_source, shared_options
from results import record
from scipy.spatial.transform import Rotation

from core.compare.views import draw_noise, view_pairs
from core.extra import from_extra
from core.signal.ctf import random_ctf
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, random_angles
from core.simulate.volumes import Volume, read_volume

if TYPE_CHECKING:
    import pandas as pd

    from core.signal.ctf import CtfParameters

PROGRAM = "relion_refine"
HEADS = (
    "images", "classes used", "purity", "NMI", "spread of views (°)", "chance (°)",
    "resolution, median (Å)", "best (Å)", "minutes",
)  # fmt: skip
PARTNER = 2_000_004
"""Seed of the phantom that stands beside a single volume."""
Ints = npt.NDArray[np.int64]


def classify(
    images: torch.Tensor,
    ctf: CtfParameters | None,
    pixel_size: float,
    folder: Path,
    settings: list[str],
    iterations: int,
) -> tuple[Ints, npt.NDArray[np.float64], float]:
    """Give each image's class, the resolution (Å) and weight of each class, and the minutes."""
    begin = time.perf_counter()
    rows = refined(images, ctf, pixel_size, folder, [*settings, "--iter", str(iterations)])
    minutes = (time.perf_counter() - begin) / 60
    model = starfile.read(folder / f"Class2D/run_it{iterations:03d}_model.star")["model_classes"]
    resolution = model["rlnEstimatedResolution"].to_numpy(dtype=np.float64)
    weight = model["rlnClassDistribution"].to_numpy(dtype=np.float64)
    classes = rows["rlnClassNumber"].to_numpy(dtype=np.int64)
    return classes, np.stack([resolution, weight]), minutes


def refined(
    images: torch.Tensor,
    ctf: CtfParameters | None,
    pixel_size: float,
    folder: Path,
    settings: list[str],
) -> pd.DataFrame:
    """Let RELION classify images in a folder; gives its rows in the order of the images."""
    n = len(images)
    blank = (np.zeros((n, 3)), np.zeros((n, 2)))
    write_particles(folder, images, *blank, ctf, pixel_size)
    (folder / "Class2D").mkdir(exist_ok=True)  # relion_refine wants its output in some folder
    command = [PROGRAM, "--i", "particles.star", "--o", "Class2D/run", *settings]
    done = subprocess.run(
        command, cwd=folder, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    if done.returncode != 0:
        raise click.ClickException(f"{PROGRAM} failed:\n{(done.stdout + done.stderr)[-2000:]}")
    last = max((folder / "Class2D").glob("run_it*_data.star"))
    rows: pd.DataFrame = starfile.read(last)["particles"]
    order = rows["rlnImageName"].str.partition("@")[0].astype(int).to_numpy() - 1
    return rows.iloc[np.argsort(order)]


def purity(classes: Ints, structures: Ints) -> float:
    """Part of the particles that belong to the commonest structure of their class."""
    common = [int(np.bincount(structures[classes == c]).max()) for c in np.unique(classes)]
    return sum(common) / len(classes)


def spread(
    classes: Ints,
    structures: Ints,
    angles: npt.NDArray[np.float64],
    symmetries: list[npt.NDArray[np.float64]],
) -> float:
    """Median angle, degrees, between views of two particles of one class and one structure."""
    views = Rotation.from_euler("ZYZ", angles, degrees=True).apply([0.0, 0.0, 1.0])
    apart = []
    for structure, group in enumerate(symmetries):
        for number in np.unique(classes):
            own = views[(classes == number) & (structures == structure)]
            cosines = np.einsum("ni,sij,mj->snm", own, group, own).max(axis=0)
            apart.append(cosines[np.triu_indices(len(own), 1)])
    return float(np.degrees(np.arccos(np.clip(np.median(np.concatenate(apart)), -1, 1))))


def weighted_median(values: npt.NDArray[np.float64], weights: npt.NDArray[np.float64]) -> float:
    """Value below which half of the weight lies."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    return float(values[order][np.searchsorted(total, total[-1] / 2)])


@click.command(help=__doc__)
@shared_options
@click.option("--snr", "snrs", multiple=True, type=float, default=(0.1,), show_default=True)
@click.option("-n", "number", default=2000, show_default=True, help="Particles.")
@click.option("--box", default=64, show_default=True)
@click.option("--pixel-size", default=5.4, show_default=True, help="Å.")
@click.option("--classes", default=20, show_default=True)
@click.option("--iterations", default=12, show_default=True)
@click.option("--psi-step", default=20, show_default=True, help="Degrees, before oversampling.")
@click.option("--shift", default=4.0, show_default=True, help="Å, sd of the offset along an axis.")
@click.option("--defocus", nargs=2, default=(8000.0, 25000.0), show_default=True, help="Å.")
@click.option("--jobs", default=1, show_default=True, help="Threads of RELION.")
@click.option("--keep", type=click.Path(path_type=Path), help="Folder for RELION's files.")
def main(
    model: str,
    volumes: tuple[Path, ...],
    banks: tuple[Path, ...],
    device: str,
    threads: int,
    seed: int,
    append: bool,
    snrs: tuple[float, ...],
    number: int,
    box: int,
    pixel_size: float,
    classes: int,
    iterations: int,
    psi_step: int,
    shift: float,
    defocus: tuple[float, float],
    jobs: int,
    keep: Path | None,
) -> None:
    """Classify and score at every SNR."""
    if shutil.which(PROGRAM) is None:
        raise click.ClickException(f"{PROGRAM} is not on PATH (apt-get install relion)")
    torch.set_num_threads(threads)
    denoise = Denoise(model, device)
    densities: list[Volume] = [read_volume(path, pixel_size) for path in volumes]
    if len(densities) == 1:
        densities.append(phantom(PARTNER, pixel_size, (150.0, 200.0)))
    transforms = [VolumeTransform(density) for density in densities]
    symmetries = [symmetry_rotations(density) for density in densities]
    diameter = min(max(t.diameter for t in transforms) + 20, 0.95 * box * pixel_size)
    settings = (
        f"--K {classes} --ctf --tau2_fudge 2 --particle_diameter {diameter:.0f} --oversampling 1 "
        f"--psi_step {psi_step} --offset_range 3 --offset_step 2 --flatten_solvent --zero_mask "
        "--norm --scale --pad 2 --pool 30 --preread_images --no_parallel_disc_io "
        f"--dont_combine_weights_via_disc --random_seed {seed + 1} --j {jobs}"
    ).split()
    rng = np.random.default_rng(seed)
    structures = np.sort(rng.integers(len(densities), size=number))
    angles, shifts = random_angles(rng, number), rng.normal(0, shift, (number, 2)) / pixel_size
    ctf = random_ctf(rng, number, defocus)
    source = noise_source(banks, pixel_size, box)
    noise = draw_noise(source, number, box, torch.Generator().manual_seed(seed))
    chance = spread(np.zeros(number, dtype=np.int64), structures, angles, symmetries)
    for snr in snrs:
        noisy = []
        for k, transform in enumerate(transforms):
            own = np.flatnonzero(structures == k)
            given = (angles[own], shifts[own], ctf.take(own), noise[own])
            noisy.append(view_pairs(transform, *given, snr).noisy)
        raw = torch.cat(noisy)  # the structures are sorted
        rows = []
        for name, images in {"raw": raw, "denoised": denoise(raw, pixel_size, ctf)}.items():
            with tempfile.TemporaryDirectory() as temporary:
                folder = keep / f"{name}_{snr:g}" if keep else Path(temporary)
                folder.mkdir(parents=True, exist_ok=True)
                found, model_classes, minutes = classify(
                    images, ctf, pixel_size, folder, settings, iterations
                )
            nmi = from_extra("sklearn.metrics").normalized_mutual_info_score(structures, found)
            rows.append(
                [
                    name,
                    str(len(np.unique(found))),
                    f"{purity(found, structures):.3f}",
                    f"{nmi:.3f}",
                    f"{spread(found, structures, angles, symmetries):.1f}",
                    f"{chance:.1f}",
                    f"{weighted_median(*model_classes):.1f}",
                    f"{model_classes[0].min():.1f}",
                    f"{minutes:.1f}",
                ]
            )
            click.echo(" | ".join(rows[-1]), err=True)
        names = " and ".join(density.name for density in densities)
        part = max(np.bincount(structures)) / number
        record(
            f"2D classification of {number} particles of {names} at SNR {snr:g}, {box} pixels of "
            f"{pixel_size:g} Å, {noise_named(banks)}, {model}",
            [
                *markdown(HEADS, rows),
                "",
                f"{PROGRAM} with `{' '.join(settings)} --iter {iterations}`. By chance a class is "
                f"{part:.3f} pure.",
            ],
            append,
        )


if __name__ == "__main__":
    main()
