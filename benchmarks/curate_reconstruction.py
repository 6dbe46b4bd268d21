"""Measure what junk costs a reconstruction, and what a selection gives back.

    python benchmarks/curate_reconstruction.py FOLDER

Projections of a phantom with known poses, and as junk boxes of noise and of contamination with
random poses, are selected by `iceblock select`; `relion_reconstruct` makes a map of all images, of
the selected ones and of the good ones, and the Fourier shell correlation with the truth is printed.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

import click
import mrcfile
import numpy as np
import torch
from results import record

from core.images.mrc.writer import StackWriter
from core.images.star.writer import NewColumns, loop, write_blocks
from core.runs.select.options import SelectOptions
from core.runs.select.run import run
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, random_angles, rotation_matrices
from core.simulate.superposition import support

BOX, PIXEL_SIZE, DIAMETER = 64, 4.0, 150.0
SEED = 11
SHOWN = (40.0, 30.0, 24.0, 20.0, 16.0, 13.0)
"""Å."""


def images(good: int, junk: int, snr: float) -> tuple[torch.Tensor, np.ndarray, torch.Tensor]:
    """Give noisy images, the good ones first, their angles, and the volume."""
    rng = np.random.default_rng(SEED)
    volume = phantom(SEED, PIXEL_SIZE, (DIAMETER, DIAMETER))
    angles = random_angles(rng, good + junk)
    small = VolumeTransform(volume).project(rotation_matrices(angles[:good]))
    power = float(small[support(small)].square().mean())
    pad = (BOX - small.shape[-1]) // 2
    clean = torch.nn.functional.pad(small, [pad] * 4) * (snr / power) ** 0.5
    noise = torch.from_numpy(rng.standard_normal((good + junk, BOX, BOX), dtype=np.float32))
    noise[:good] += clean
    y, x = np.mgrid[:BOX, :BOX]
    for row in range(good, good + junk, 2):
        cy, cx = rng.uniform(0, BOX, 2)
        lump = 5 * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * rng.uniform(6, 14) ** 2))
        noise[row] += torch.from_numpy(lump.astype(np.float32))
    side = volume.box
    before = (BOX - side) // 2
    whole = torch.nn.functional.pad(
        torch.from_numpy(volume.data), [before, BOX - side - before] * 3
    )
    return noise, np.asarray(angles), whole


def write(path: Path, stack: str, angles: np.ndarray, rows: np.ndarray) -> None:
    """Write a STAR file of some images."""
    optics: NewColumns = {
        "rlnOpticsGroup": [1], "rlnOpticsGroupName": ["one"], "rlnImagePixelSize": [PIXEL_SIZE],
        "rlnImageSize": [BOX], "rlnImageDimensionality": [2], "rlnVoltage": [300.0],
        "rlnSphericalAberration": [2.7], "rlnAmplitudeContrast": [0.1],
    }  # fmt: skip
    particles: NewColumns = {
        "rlnImageName": [f"{row + 1:06d}@{stack}" for row in rows.tolist()],
        **{f"rlnAngle{name}": angles[rows, k].tolist()
           for k, name in enumerate(("Rot", "Tilt", "Psi"))},
        "rlnOpticsGroup": [1] * len(rows),
    }  # fmt: skip
    write_blocks(path, loop("optics", optics), loop("particles", particles))


def shells(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Fourier shell correlation, by shells."""
    a, b = np.fft.fftn(one), np.fft.fftn(other)
    axis = np.fft.fftfreq(BOX) * BOX
    radius = np.sqrt(axis[:, None, None] ** 2 + axis[:, None] ** 2 + axis**2).round().astype(int)

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(radius.ravel(), weights=values.ravel())[: BOX // 2]

    power = total(abs(a) ** 2) * total(abs(b) ** 2)
    return np.asarray(total((a * b.conj()).real) / np.sqrt(power))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--good", default=700, show_default=True)
@click.option("--junk", default=300, show_default=True)
@click.option("--snr", default=0.1, show_default=True)
@click.option("--append", is_flag=True, help="Add the results to benchmarks/RESULTS.md.")
def main(folder: Path, good: int, junk: int, snr: float, append: bool) -> None:
    """Print a row for all, selected and good images."""
    folder.mkdir(parents=True, exist_ok=True)
    noisy, angles, volume = images(good, junk, snr)
    stack = folder / "raw.mrcs"
    with StackWriter(stack, good + junk, BOX, PIXEL_SIZE, resume=False) as writer:
        writer.append(noisy.numpy())
    everything = np.arange(good + junk)
    write(folder / "all.star", str(stack), angles, everything)
    done = run(
        SelectOptions(
            folder / "all.star", folder / "Selected", particle_diameter=DIAMETER, overwrite=True
        )
    )
    kept = done.kept
    chosen = {"all": everything, "selected": everything[kept], "good ones": everything[:good]}
    lines = [
        f"| images | number | junk | {' | '.join(f'FSC at {at:g} Å' for at in SHOWN)} |",
        "|---" * (3 + len(SHOWN)) + "|",
    ]
    for name, rows in chosen.items():
        star, out = folder / f"{name[:4]}.star", folder / f"{name[:4]}.mrc"
        if name != "all":
            write(star, str(stack), angles, rows)
        subprocess.run(
            ["relion_reconstruct", "--i", str(star), "--o", str(out)],
            check=True, capture_output=True,
        )  # fmt: skip
        fsc = shells(mrcfile.read(out).astype(float), volume.numpy().astype(float))
        cells = [f"{fsc[round(BOX * PIXEL_SIZE / at)]:.3f}" for at in SHOWN]
        lines.append(f"| {name} | {len(rows)} | {int((rows >= good).sum())} | "
                     f"{' | '.join(cells)} |")  # fmt: skip
    record(f"Reconstruction with junk, SNR {snr:g}", lines, append)


if __name__ == "__main__":
    main()
