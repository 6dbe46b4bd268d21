"""Poses by projection matching against a known volume, and their angular errors.

Every image is compared with CTF-modulated projections on a grid of poses and shifts, and the best
one is improved by halving steps. Images enter as they are: whether they are raw or denoised is the
caller's question.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from core.compare.clustering import directions, euler_angles
from core.simulate.projection import rotation_matrices

from .band import Band

if TYPE_CHECKING:
    import numpy.typing as npt

    from core.signal.ctf import CtfParameters
    from core.simulate.projection import VolumeTransform

_REFERENCES, _IMAGES = 1024, 256
"""Rows of a product of matrices."""


@dataclass(frozen=True)
class Poses:
    """What projection matching found for n images."""

    angles: npt.NDArray[np.float64]
    """(n, 3) rot, tilt, psi in degrees."""
    shifts: npt.NDArray[np.float64]
    """(n, 2) offset of the particle along y and x, pixels."""
    score: npt.NDArray[np.float64]
    """(n,) cosine between image and projection within the band."""


def pose_grid(step: float) -> npt.NDArray[np.float64]:
    """Poses about `step` degrees apart all over the rotation group, (m, 3)."""
    views = directions(max(1, round(4 * np.pi / np.radians(step) ** 2)))
    turns = np.linspace(-180, 180, max(1, round(360 / step)), endpoint=False)
    return np.column_stack([np.repeat(views, len(turns), axis=0), np.tile(turns, len(views))])


def match(
    images: torch.Tensor,
    volume: VolumeTransform,
    grid: npt.NDArray[np.float64],
    ctf: CtfParameters | None = None,
    *,
    resolution: float = 0.0,
    reach: int = 2,
    power: torch.Tensor | None = None,
    halvings: int = 3,
) -> Poses:
    """Find the pose and the shift whose CTF-modulated projection is most like each image.

    The likeness is the cosine between both over the band. With the noise's spectrum given it is
    that of whitened images: for Gaussian noise of that spectrum the pose of greatest likelihood.

    Parameters
    ----------
    images : (n, box, box)
        Even box; at the volume's pixel size.
    volume
        The reference.
    grid : (m, 3)
        First poses to try, as `pose_grid` gives them.
    ctf
        n of them; None for images without.
    resolution
        Å up to which images are compared; 0 for Nyquist.
    reach
        First shifts to try: whole pixels up to this many along each axis.
    power : (bins,)
        Noise power in rings up to Nyquist, as `core.signal.spectrum.radial_power` gives it.
    halvings
        How often steps are halved; 0 leaves the best pose of the grid.
    """
    band = Band(images.shape[-1], volume.pixel_size, resolution, power, images.device)
    observed = band.spectra(images)
    modulation = band.modulation(ctf, len(images))
    best = _search(observed, modulation, volume, grid, reach, band)
    found, shifts, score = best
    poses = Rotation.from_euler("ZYZ", grid[found.cpu().numpy()], degrees=True)
    step = _grid_step(len(grid))
    for k in range(1, halvings + 1):
        for _ in range(2):
            poses, score = _turn(
                observed, modulation, volume, poses, shifts, step / 2**k, score, band
            )
            shifts, score = _move(observed, modulation, volume, poses, shifts, 0.5**k, score, band)
    return Poses(euler_angles(poses), shifts.double().cpu().numpy(), score.double().cpu().numpy())


def angular_error(
    found: npt.NDArray[np.float64],
    true: npt.NDArray[np.float64],
    symmetry: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.float64]:
    """Angle of the rotation between found and true poses.

    Parameters
    ----------
    found, true : (n, 3)
        rot, tilt, psi in degrees.
    symmetry : (s, 3, 3)
        Rotations xyz that leave the volume as it is, the identity among them.

    Returns
    -------
    error : (n,)
        Degrees, to the nearest equivalent pose.
    """
    one, other = (Rotation.from_euler("ZYZ", x, degrees=True).as_matrix() for x in (found, true))
    group = np.eye(3)[None] if symmetry is None else symmetry
    traces = np.einsum("nij,sik,nkj->ns", one, group, other)
    return np.asarray(np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))).min(axis=1))


_Best = tuple[torch.Tensor, torch.Tensor, torch.Tensor]


def _search(
    observed: torch.Tensor,
    modulation: torch.Tensor,
    volume: VolumeTransform,
    grid: npt.NDArray[np.float64],
    reach: int,
    band: Band,
) -> _Best:
    """Best of the grid for each image: row of the grid, shift, score."""
    n, device = len(observed), observed.device
    row = torch.zeros(n, dtype=torch.long, device=device)
    shift = torch.zeros(n, 2, device=device)
    score = torch.full((n,), -torch.inf, device=device)
    span = torch.arange(-reach, reach + 1, device=device, dtype=torch.float32)
    offsets = torch.cartesian_prod(span, span)
    for start in range(0, len(grid), _REFERENCES):
        matrices = rotation_matrices(grid[start : start + _REFERENCES]).to(device)
        references = band.references(volume, matrices)
        parts = torch.cat([references.real, references.imag], dim=1).T
        powers = references.abs().square().T
        for first in range(0, n, _IMAGES):
            here = slice(first, min(first + _IMAGES, n))
            length = (modulation[here].square() @ powers).sqrt().clamp(min=1e-20)
            for offset in offsets:
                moved = band.centred(observed[here], offset[None]) * modulation[here]
                likeness = torch.cat([moved.real, moved.imag], dim=1) @ parts / length
                value, place = likeness.max(1)
                better = value > score[here]
                score[here] = torch.where(better, value, score[here])
                row[here] = torch.where(better, start + place, row[here])
                shift[here] = torch.where(better[:, None], offset, shift[here])
    return row, shift, score


def _likeness(
    observed: torch.Tensor, modulation: torch.Tensor, references: torch.Tensor
) -> torch.Tensor:
    """Cosine of each image with its own reference, (n,)."""
    modulated = references * modulation
    product = (observed.conj() * modulated).real.sum(1)
    return product / modulated.abs().square().sum(1).sqrt().clamp(min=1e-20)


def _turn(
    observed: torch.Tensor,
    modulation: torch.Tensor,
    volume: VolumeTransform,
    poses: Rotation,
    shifts: torch.Tensor,
    step: float,
    score: torch.Tensor,
    band: Band,
) -> tuple[Rotation, torch.Tensor]:
    """Turn poses by `step` degrees about the axes of their images where that is better."""
    centred = band.centred(observed, shifts)
    start, chosen = poses, np.zeros((len(score), 3))
    for turn in np.concatenate([np.eye(3), -np.eye(3)]) * step:
        turned = start * Rotation.from_rotvec(turn, degrees=True)
        matrices = torch.from_numpy(turned.as_matrix().astype(np.float32)).to(band.device)
        value = _likeness(centred, modulation, band.references(volume, matrices))
        better = value > score
        score = torch.where(better, value, score)
        chosen[better.cpu().numpy()] = turn
    return start * Rotation.from_rotvec(chosen, degrees=True), score


def _move(
    observed: torch.Tensor,
    modulation: torch.Tensor,
    volume: VolumeTransform,
    poses: Rotation,
    shifts: torch.Tensor,
    step: float,
    score: torch.Tensor,
    band: Band,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Move by `step` pixels along the axes where that is better."""
    matrices = torch.from_numpy(poses.as_matrix().astype(np.float32)).to(band.device)
    references = band.references(volume, matrices)
    start = shifts
    for move in ((step, 0.0), (-step, 0.0), (0.0, step), (0.0, -step)):
        moved = start + torch.tensor([move], device=shifts.device)
        value = _likeness(band.centred(observed, moved), modulation, references)
        better = value > score
        score = torch.where(better, value, score)
        shifts = torch.where(better[:, None], moved, shifts)
    return shifts, score


def _grid_step(count: int) -> float:
    """Degrees between the poses of a grid of a given size."""
    return float(np.degrees((8 * np.pi**2 / count) ** (1 / 3)))
