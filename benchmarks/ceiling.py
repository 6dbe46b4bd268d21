"""How well anything could do: the posterior mean of somebody who knows the structure.

    python benchmarks/ceiling.py DATA WORK

For each held-out image of training_data.py, the mean of all poses and shifts of the true structure,
weighted by their likelihood under the noise's true spectrum, with the image's true CTF and scale.
No denoiser that does not know the structure comes near it, except where the poses' grid (7.5°,
half a pixel) limits it.
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from scipy.spatial.transform import Rotation
from training_data import MARGINS, TEST, VALIDATION, held_out_sets, structure_file

from core.denoise.training.held_out import HeldOut, named, trivial_methods
from core.signal.ctf import ctf_images
from core.signal.spectrum import radial_index, radial_power
from core.simulate.projection import VolumeTransform, crop_centre, to_images
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from core.simulate.pairs import Pairs

warnings.simplefilter("ignore")

FOLD = {VALIDATION: 4, TEST: 1}
"""Rotational symmetry about the model's z axis that the grid makes use of; 1 is always right."""
STEP = 7.5
SHIFTS = np.arange(-2.0, 2.01, 0.5)


def grid(fold: int) -> torch.Tensor:
    """Poses `STEP` degrees apart: (n, 3, 3)."""
    found = []
    for tilt in np.arange(STEP / 2, 180, STEP):
        count = max(1, round(360 / fold * np.sin(np.radians(tilt)) / STEP))
        for rot in np.arange(count) * 360 / fold / count:
            found += [(rot, tilt, psi) for psi in np.arange(0, 360, STEP)]
    matrices = Rotation.from_euler("ZYZ", np.array(found), degrees=True).as_matrix()
    return torch.from_numpy(matrices.astype(np.float32))


def templates(volume: VolumeTransform, matrices: torch.Tensor, box: int) -> torch.Tensor:
    """Give the transforms of CTF-free projections, (n, box * (box // 2 + 1)) complex."""
    parts = []
    for piece in torch.split(matrices, 256):
        images = crop_centre(to_images(volume.slices(piece)), box)
        parts.append(torch.fft.rfft2(images).flatten(1))
    return torch.cat(parts)


def posterior_means(pairs: Pairs, known: torch.Tensor, pixel_size: float) -> torch.Tensor:
    """Give the posterior mean of every image, (n, box, box)."""
    box = pairs.noisy.shape[-1]
    power = radial_power(pairs.noisy - pairs.clean).mean(0)[radial_index(box, box // 2 + 1)]
    twice = torch.full((box, box // 2 + 1), 2.0)
    twice[:, 0] = 1
    twice[:, -1] = 1
    weight = (twice / (power * box**2)).flatten()
    weight[0] = 0  # the mean is that of the background, not of the particle
    fy, fx = torch.fft.fftfreq(box)[:, None], torch.fft.rfftfreq(box)[None]
    moves = [
        torch.exp(-2j * torch.pi * (y * fy + x * fx)).flatten() for y in SHIFTS for x in SHIFTS
    ]
    phases = torch.stack(moves)
    ctfs = ctf_images(pairs.ctf, pixel_size, box, torch.device("cpu")).flatten(1)
    energy = known.abs().square()
    found = []
    for noisy, clean, ctf in zip(pairs.noisy, pairs.clean, ctfs, strict=True):
        seen, truth = torch.fft.rfft2(noisy).flatten(), torch.fft.rfft2(clean).flatten()
        norms = energy @ (ctf.square() * weight)
        best = (known.conj() @ (truth * ctf * weight * phases.conj()).T).real / norms[:, None]
        scale = best.flatten()[((best**2) * norms[:, None]).argmax()]
        data = (known.conj() @ (seen * ctf * weight * phases.conj()).T).real
        likelihood = scale * data - scale**2 / 2 * norms[:, None]
        chance = torch.softmax(likelihood.flatten(), 0).reshape(likelihood.shape)
        mean = ((chance.T.to(known.dtype) @ known) * phases).sum(0) * ctf * scale
        found.append(torch.fft.irfft2(mean.reshape(box, -1), s=(box, box)))
    return torch.stack(found)


@click.command()
@click.argument("data", type=click.Path(exists=True, path_type=Path))
@click.argument("work", type=click.Path(path_type=Path))
@click.option("--images", default=32)
@click.option("--threads", default=1)
def main(data: Path, work: Path, images: int, threads: int) -> None:
    """Print the ceiling beside the oracle Wiener filter."""
    torch.set_num_threads(threads)
    box, pixel_size = 64, 5.36
    for structure in (VALIDATION, TEST):
        volume = VolumeTransform(read_volume(structure_file(data, structure), pixel_size))
        known = templates(volume, grid(FOLD[structure]), box)
        for mask, margin in MARGINS.items():
            held = held_out_sets(data, work, structure, box, pixel_size, images, margin)
            ceiling = {
                snr: posterior_means(pairs, known, pixel_size) for snr, pairs in held.sets.items()
            }
            wiener = trivial_methods(held)["oracle Wiener"]
            show(f"{structure}, {len(known)} poses, mask {mask}", held, ceiling, wiener)


def show(
    title: str,
    held: HeldOut,
    ceiling: dict[float, torch.Tensor],
    wiener: dict[float, torch.Tensor],
) -> None:
    """Print Markdown."""
    rows = {"ceiling": named(held.correlations(ceiling), 3)}
    rows["oracle Wiener"] = named(held.correlations(wiener), 3)
    columns = list(rows["ceiling"])
    print(f"\n**{title}**\n\n| | {' | '.join(columns)} |\n|{'---|' * (len(columns) + 1)}")
    for name, row in rows.items():
        print(f"| {name} | " + " | ".join(f"{row[c]:.3f}" for c in columns) + " |")
    ratios = [rows["ceiling"][c] / rows["oracle Wiener"][c] for c in columns]
    print("| ratio | " + " | ".join(f"{ratio:.2f}" for ratio in ratios) + " |", flush=True)


if __name__ == "__main__":
    main()
