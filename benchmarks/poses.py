"""Errors of poses found on denoised images, and what reconstructions make of them.

    python benchmarks/poses.py --volume HELD_OUT.pdb.gz --noise BANK

Simulated raw particles at SNR 0.1 and 0.05 get poses by projection matching against the structure,
up to a resolution, on three kinds of images: raw; raw weighted by the inverse of their mean power
spectrum, which for Gaussian noise is the best that anything could do; denoised. With each set of
poses the RAW particles are reconstructed (relion_reconstruct where it is installed) and compared
with the truth. Beside it the denoised particles are reconstructed: the resolution that two halves
of them claim, and the one they have, differ by the denoiser's bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from measures.poses import angular_error, match, pose_grid
from measures.reconstruction import fsc, in_box, reconstruct, soft_sphere
from measures.symmetry import symmetry_rotations
from proof import Denoise, markdown, noise_named, noise_source, ranged, shared_options
from results import record

from core.compare.views import draw_noise, view_pairs
from core.signal.agreement import crossing
from core.signal.ctf import CtfParameters, random_ctf
from core.signal.spectrum import radial_power
from core.simulate.projection import VolumeTransform, random_angles
from core.simulate.volumes import read_volume

if TYPE_CHECKING:
    from pathlib import Path

    import numpy.typing as npt

HEADS = (
    "poses from", "angular error, median (°)", "within 10°", "shift error (Å)", "reconstructed",
    "FSC to truth 0.5 (Å)", "0.143 (Å)", "halves claim, 0.143 (Å)",
)  # fmt: skip
Poses = tuple["npt.NDArray[np.float64]", "npt.NDArray[np.float64]"]


@dataclass(frozen=True)
class Judge:
    """Knows the truth."""

    truth: torch.Tensor
    mask: torch.Tensor
    symmetry: npt.NDArray[np.float64]
    ctf: CtfParameters
    pixel_size: float
    program: str

    def map_of(
        self, images: torch.Tensor, poses: Poses, rows: npt.NDArray[np.int64]
    ) -> torch.Tensor:
        """Reconstruct some of the images, inside a soft sphere."""
        angles, shifts = poses
        found = reconstruct(
            images[rows], angles[rows], shifts[rows], self.ctf.take(rows), self.pixel_size,
            self.program,
        )  # fmt: skip
        return found * self.mask

    def row(
        self, name: str, what: str, images: torch.Tensor, poses: Poses, true: Poses
    ) -> list[str]:
        """Give a row of the table."""
        error = angular_error(poses[0], true[0], self.symmetry)
        offset = np.hypot(*(poses[1] - true[1]).T) * self.pixel_size
        rows = np.arange(len(images))
        curve = fsc(self.map_of(images, poses, rows), self.truth * self.mask)
        one, other = (self.map_of(images, poses, rows[half::2]) for half in (0, 1))
        halves = fsc(one, other)
        resolutions = [crossing(curve, self.pixel_size, level) for level in (0.5, 0.143)]
        resolutions.append(crossing(halves, self.pixel_size, 0.143))
        return [
            name, f"{np.median(error):.1f}", ranged(error < 10, 2), f"{offset.mean():.1f}", what,
            *(f"{float(r):.1f}" for r in resolutions),
        ]  # fmt: skip


@click.command(help=__doc__)
@shared_options
@click.option("--snr", "snrs", multiple=True, type=float, default=(0.1, 0.05), show_default=True)
@click.option("-n", "number", default=1500, show_default=True, help="Particles.")
@click.option("--box", default=64, show_default=True)
@click.option("--pixel-size", default=5.4, show_default=True, help="Å.")
@click.option("--limit", default=15.0, show_default=True, help="Å up to which images are matched.")
@click.option("--step", default=12.0, show_default=True, help="Degrees of the first grid.")
@click.option("--reach", default=2, show_default=True, help="Pixels of the first shifts.")
@click.option("--shift", default=4.0, show_default=True, help="Å, sd of the offset along an axis.")
@click.option("--defocus", nargs=2, default=(8000.0, 25000.0), show_default=True, help="Å.")
@click.option(
    "--program", type=click.Choice(["auto", "relion", "direct"]), default="auto", show_default=True
)
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
    limit: float,
    step: float,
    reach: int,
    shift: float,
    defocus: tuple[float, float],
    program: str,
) -> None:
    """Match, reconstruct and compare for every volume and SNR."""
    torch.set_num_threads(threads)
    denoise = Denoise(model, device)
    source = noise_source(banks, pixel_size, box)
    grid = pose_grid(step)
    for path in volumes:
        density = read_volume(path, pixel_size)
        volume = VolumeTransform(density)
        rng = np.random.default_rng(seed)
        true = (random_angles(rng, number), rng.normal(0, shift, (number, 2)) / pixel_size)
        ctf = random_ctf(rng, number, defocus)
        radius = volume.diameter / 2 / pixel_size + 2
        judge = Judge(
            in_box(torch.from_numpy(density.data), box), soft_sphere(box, radius),
            symmetry_rotations(density), ctf, pixel_size, program,
        )  # fmt: skip
        noise = draw_noise(source, number, box, torch.Generator().manual_seed(seed))
        for snr in snrs:
            pairs = view_pairs(volume, *true, ctf, noise, snr)
            denoised = denoise(pairs.noisy, pixel_size, ctf)
            alone = denoise(pairs.noisy, pixel_size, ctf, each_alone=True)
            power = radial_power(pairs.noisy).mean(0)
            kinds = {
                "raw": (pairs.noisy, None),
                "raw, whitened": (pairs.noisy, power),
                "denoised, each alone": (alone, None),
                "denoised": (denoised, None),
            }
            rows = [judge.row("the truth", "raw", pairs.noisy, true, true)]
            for name, (images, whitening) in kinds.items():
                found = match(
                    images, volume, grid, ctf, resolution=limit, reach=reach, power=whitening,
                    halvings=2,
                )  # fmt: skip
                poses = (found.angles, found.shifts)
                rows.append(judge.row(name, "raw", pairs.noisy, poses, true))
                click.echo(" | ".join(rows[-1]), err=True)
            rows.append(judge.row("denoised", "denoised", denoised, poses, true))
            rows.append(judge.row("the truth", "denoised", denoised, true, true))
            record(
                f"Poses of {number} particles of {volume.name} at SNR {snr:g}, {box} pixels of "
                f"{pixel_size:g} Å, {noise_named(banks)}, {model}",
                [
                    *markdown(HEADS, rows),
                    "",
                    f"Matched up to {limit:g} Å. Errors are up to the structure's own "
                    f"{len(judge.symmetry)} rotations; reconstructions are without symmetry.",
                ],
                append,
            )


if __name__ == "__main__":
    main()
