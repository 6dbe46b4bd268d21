"""Reconstruction of images with given poses, and the Fourier shell correlation of volumes.

`reconstruct` calls relion_reconstruct where RELION is installed and grids the images itself
otherwise; both take the CTF into account.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from core.errors import IceblockError
from core.images.mrc.writer import StackWriter
from core.images.star.image_names import image_name
from core.images.star.writer import NewColumns, loop, write_blocks
from core.signal.ctf import ctf_images
from core.signal.shells import shell_index, shell_sums
from core.simulate.projection import crop_centre, rotation_matrices, shift_spectra
from core.simulate.volumes import read_map

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.signal.ctf import CtfParameters

PROGRAM = "relion_reconstruct"
_CHUNK = 32
_FLOOR = 0.1
"""Least weight of a coefficient, as a part of the mean in its shell."""


def fsc(one: torch.Tensor, other: torch.Tensor, bins: int | None = None) -> torch.Tensor:
    """Fourier shell correlation of two volumes.

    Parameters
    ----------
    one, other : (box, box, box) float
    bins
        Number of shells, by default (and at most) box // 2 + 1; shell k holds the frequencies
        about k / (2 (bins - 1)) cycles per pixel.

    Returns
    -------
    curve : (bins,)
        0 in shells where either side has no power.
    """
    bins = bins or one.shape[-1] // 2 + 1
    a, b = torch.fft.rfftn(one), torch.fft.rfftn(other)
    cross, own, true = (
        shell_sums(x, 3, bins) for x in ((a * b.conj()).real, a.abs().square(), b.abs().square())
    )
    length = own.sqrt() * true.sqrt()
    return torch.where(length > 0, cross / length.clamp(min=1e-30), 0.0)


def soft_sphere(box: int, radius: float, edge: float = 5.0) -> torch.Tensor:
    """Mask (box, box, box): 1 within `radius` pixels, falling to 0 over `edge` pixels."""
    d = torch.arange(box) - box // 2
    r = (d[:, None, None].square() + d[:, None].square() + d.square()).sqrt()
    return 0.5 * (1 + torch.cos(torch.pi * ((r - radius) / edge).clamp(0, 1)))


def in_box(volume: torch.Tensor, box: int) -> torch.Tensor:
    """Crop or zero-pad a cube to another side; the voxel n // 2 goes to box // 2."""
    n = volume.shape[-1]
    before = box // 2 - n // 2
    return torch.nn.functional.pad(volume, [before, box - n - before] * 3)


def reconstruct(
    images: torch.Tensor,
    angles: npt.NDArray[np.float64],
    shifts: npt.NDArray[np.float64],
    ctf: CtfParameters | None,
    pixel_size: float,
    program: str = "auto",
) -> torch.Tensor:
    """Reconstruct a volume from images with poses.

    Parameters
    ----------
    images : (n, box, box)
        Even box.
    angles : (n, 3)
        rot, tilt, psi in degrees.
    shifts : (n, 2)
        Offset of the particle along y and x, pixels.
    ctf
        n of them; None for images without.
    pixel_size
        Å.
    program
        `relion`, `direct`, or `auto`: RELION where it is installed.

    Returns
    -------
    volume : (box, box, box) float32

    Raises
    ------
    IceblockError
        If RELION is asked for and is not there, or fails.
    """
    if program not in ("auto", "relion", "direct"):
        raise ValueError(f"program {program!r} is none of auto, relion, direct")
    if program == "direct" or (program == "auto" and shutil.which(PROGRAM) is None):
        return grid_images(images, angles, shifts, ctf, pixel_size)
    with tempfile.TemporaryDirectory() as name:
        write_particles(Path(name), images, angles, shifts, ctf, pixel_size)
        command = [PROGRAM, "--i", "particles.star", "--o", "map.mrc", "--angpix", f"{pixel_size}"]
        command += ["--ctf"] if ctf is not None else []
        _run(command, Path(name))
        return torch.from_numpy(read_map(Path(name) / "map.mrc").data)


def grid_images(
    images: torch.Tensor,
    angles: npt.NDArray[np.float64],
    shifts: npt.NDArray[np.float64],
    ctf: CtfParameters | None,
    pixel_size: float,
) -> torch.Tensor:
    """Reconstruct by Fourier gridding: each shell is sum(CTF · image) / sum(CTF²).

    Parameters are those of `reconstruct`. Images are padded twofold and spread over the eight
    nearest coefficients; what the padding and the spreading do to the volume is divided out.
    """
    from torch_fourier_slice.slice_insertion import insert_central_slices_rfft_3d
    from torch_fourier_slice.volume_utils import separable_sinc2_correction

    box = images.shape[-1]
    wide = 2 * box
    total = torch.zeros(wide, wide, wide // 2 + 1, dtype=torch.complex64)
    weight = torch.zeros_like(total.real)
    for start in range(0, len(images), _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, len(images)))
        padded = torch.fft.ifftshift(crop_centre(images[rows].float(), wide), dim=(-2, -1))
        spectra = shift_spectra(
            torch.fft.rfft2(padded), -torch.as_tensor(shifts[rows], dtype=torch.float32)
        )
        factor = torch.ones_like(spectra.real)
        if ctf is not None:
            factor = ctf_images(ctf.take(rows), pixel_size, wide)
        matrices = rotation_matrices(angles[rows])
        for data, sums in ((spectra * factor, total), (factor.square().to(total), weight)):
            inserted, _ = insert_central_slices_rfft_3d(
                torch.fft.fftshift(data, dim=-2), (wide, wide, wide), matrices, fftfreq_max=0.5
            )
            sums += inserted if sums.is_complex() else inserted.real
    total, weight = (torch.fft.ifftshift(x, dim=(0, 1)) for x in (total, weight))
    volume = torch.fft.irfftn(total / _floored(weight), s=(wide, wide, wide))
    volume = torch.fft.fftshift(volume) / separable_sinc2_correction((wide, wide, wide))
    return in_box(volume, box).contiguous()


def write_particles(
    folder: Path,
    images: torch.Tensor,
    angles: npt.NDArray[np.float64],
    shifts: npt.NDArray[np.float64],
    ctf: CtfParameters | None,
    pixel_size: float,
) -> Path:
    """Write particles.star and particles.mrcs, which RELION opens from that folder."""
    n, box, _ = images.shape
    with StackWriter(folder / "particles.mrcs", n, box, pixel_size, resume=False) as writer:
        writer.append(images.cpu().numpy())
    settings, group = np.array([[300.0, 2.7, 0.1]]), np.zeros(n, dtype=np.int64)
    defocus = {}
    if ctf is not None:
        microscope = [ctf.voltage, ctf.spherical_aberration, ctf.amplitude_contrast]
        settings, group = np.unique(np.column_stack(microscope), axis=0, return_inverse=True)
        defocus = {
            "rlnDefocusU": ctf.defocus_u,
            "rlnDefocusV": ctf.defocus_v,
            "rlnDefocusAngle": ctf.defocus_angle,
            "rlnPhaseShift": ctf.phase_shift,
        }
    k = len(settings)
    optics: NewColumns = {
        "rlnOpticsGroup": range(1, k + 1),
        "rlnOpticsGroupName": [f"group{number}" for number in range(1, k + 1)],
        "rlnVoltage": settings[:, 0],
        "rlnSphericalAberration": settings[:, 1],
        "rlnAmplitudeContrast": settings[:, 2],
        "rlnImagePixelSize": [f"{pixel_size:.7g}"] * k,
        "rlnImageSize": [box] * k,
        "rlnImageDimensionality": [2] * k,
    }
    particles: NewColumns = {
        "rlnImageName": [image_name(index, "particles.mrcs") for index in range(n)],
        "rlnOpticsGroup": group + 1,
        "rlnAngleRot": angles[:, 0],
        "rlnAngleTilt": angles[:, 1],
        "rlnAnglePsi": angles[:, 2],
        "rlnOriginXAngst": -shifts[:, 1] * pixel_size,
        "rlnOriginYAngst": -shifts[:, 0] * pixel_size,
        **defocus,
    }
    star = folder / "particles.star"
    write_blocks(star, loop("optics", optics), loop("particles", particles))
    return star


def _run(command: list[str], folder: Path) -> None:
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    except FileNotFoundError as error:
        raise IceblockError(
            f"{command[0]} is not on PATH: install RELION (apt-get install relion), or have the "
            "images gridded directly."
        ) from error
    if done.returncode != 0:
        lines = (done.stdout + done.stderr).strip().splitlines()
        raise IceblockError(f"{command[0]} failed: {lines[-1] if lines else 'without a word'}.")


def _floored(weight: torch.Tensor) -> torch.Tensor:
    """Weights (m, m, m // 2 + 1) of at least `_FLOOR` times the mean of their shell."""
    box = weight.shape[0]
    bins = box // 2 + 1
    index, _ = shell_index(box, 3, bins)
    count = shell_sums(torch.ones_like(weight), 3, bins)
    mean = torch.cat([shell_sums(weight, 3, bins) / count, weight.new_ones(1)])
    return torch.maximum(weight, (_FLOOR * mean[index]).clamp(min=1e-6))
