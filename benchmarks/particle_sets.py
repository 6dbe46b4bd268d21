"""Generated data sets: particles of one phantom, a pose and a CTF for each, in white noise.

They are projected in 64 pixels and enlarged, which makes 100,000 of them in minutes; they are for
speed and bytes, and `core.simulate.pairs`, which projects at the full resolution, is for scores.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.images.mrc.writer import StackWriter
from core.signal.ctf import ctf_images, random_ctf
from core.signal.fourier import fourier_resize
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, random_angles, rotation_matrices
from core.simulate.superposition import support

if TYPE_CHECKING:
    from pathlib import Path

    from core.signal.ctf import CtfParameters

BLOCK = 256
"""Images that are generated at a time."""
SNR = 0.1
"""Mean square of the clean images inside the particles over that of the noise."""
SEED, PART = 3, 0.45
"""Of the phantom; its diameter as a part of the box."""
VOLTAGE, ABERRATION, CONTRAST = 300.0, 2.7, 0.1
"""kV, mm and a fraction, of the one optics group."""
COLUMNS = ("ImageName", "DefocusU", "DefocusV", "DefocusAngle", "OpticsGroup")
OPTICS = (
    "OpticsGroup", "Voltage", "SphericalAberration", "AmplitudeContrast",
    "ImagePixelSize", "ImageSize",
)  # fmt: skip


class Scene:
    """Draws clean particles in random poses with a CTF each."""

    def __init__(self, box: int, pixel_size: float, rng: np.random.Generator) -> None:
        self._box, self._pixel_size, self._rng = box, pixel_size, rng
        self._coarse = min(box, 64)
        width = box * pixel_size
        volume = phantom(SEED, width / self._coarse, (PART * width, PART * width))
        self._transform = VolumeTransform(volume)
        first = self._transform.project(rotation_matrices(random_angles(rng, BLOCK)))
        power = float(first[support(first)].square().mean())
        self._strength = (SNR / power) ** 0.5

    def draw(self, n: int) -> tuple[torch.Tensor, CtfParameters]:
        """Give n images (n, box, box) and their CTFs."""
        angles, ctf = random_angles(self._rng, n), random_ctf(self._rng, n)
        ctf.voltage[:], ctf.spherical_aberration[:] = VOLTAGE, ABERRATION
        ctf.amplitude_contrast[:] = CONTRAST
        small = self._transform.project(rotation_matrices(angles))
        pad = (self._coarse - small.shape[-1]) // 2
        whole = torch.nn.functional.pad(small, [pad] * 4) * self._strength
        images = fourier_resize(whole, self._box)
        shape = (self._box, self._box)
        transfer = ctf_images(ctf, self._pixel_size, self._box)
        return torch.fft.irfft2(torch.fft.rfft2(images) * transfer, s=shape), ctf


def make_particles(folder: Path, n: int, box: int, pixel_size: float, stacks: int = 1) -> Path:
    """Write n different noisy images, shared evenly over stacks, and a STAR file for them.

    Parameters
    ----------
    folder
        For `N.star` and `N_1.mrcs`, `N_2.mrcs` and so on.
    n
        Images altogether.
    box
        Pixels.
    pixel_size
        Å.
    stacks
        How many.

    Returns
    -------
    star
        The STAR file.
    """
    rng = np.random.default_rng(0)
    scene = Scene(box, pixel_size, rng)
    rows = []
    for number, share in enumerate(np.array_split(np.arange(n), stacks), 1):
        stack = folder / f"{n}_{number}.mrcs"
        with StackWriter(stack, len(share), box, pixel_size) as writer:
            for start in range(0, len(share), BLOCK):
                clean, ctf = scene.draw(min(BLOCK, len(share) - start))
                noise = rng.standard_normal(clean.shape, dtype=np.float32)
                writer.append(noise + clean.numpy())
                rows += [
                    f"{start + i:06d}@{stack.name} {u:.1f} {v:.1f} {angle:.2f} 1"
                    for i, (u, v, angle) in enumerate(
                        zip(ctf.defocus_u, ctf.defocus_v, ctf.defocus_angle, strict=True), 1
                    )
                ]
    star = folder / f"{n}.star"
    optics = f"1 {VOLTAGE} {ABERRATION} {CONTRAST} {pixel_size} {box}"
    star.write_text(_table("optics", OPTICS, [optics]) + _table("particles", COLUMNS, rows))
    return star


def _table(name: str, columns: tuple[str, ...], rows: list[str]) -> str:
    head = "".join(f"_rln{column} #{i}\n" for i, column in enumerate(columns, 1))
    return f"data_{name}\n\nloop_\n{head}" + "\n".join(rows) + "\n\n"
