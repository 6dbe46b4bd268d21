"""Reference volumes of a user's, looked at before a network is trained on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import ndimage

from .map_file import read_map_header
from .volumes import MAP_SUFFIXES, Volume, read_volume

FILLED = 0.9
"""Part of a box that a particle may fill; see `PairGenerator`."""
SOLVENT_NOISE = 0.01
"""Standard deviation far from the molecule, over the map's maximum, from which it is masked."""
_EDGE = 8.0
"""Å of margin about a molecule, and again of soft edge."""


def read_reference(path: Path, pixel_size: float) -> tuple[Volume, list[str]]:
    """Read a map or an atomic model as `read_volume` does, and put right what can be.

    Parameters
    ----------
    path
        See `read_volume`.
    pixel_size
        Å of the result.

    Returns
    -------
    volume
        With white density, in an even cube.
    remarks
        Sentences on what was changed: an odd or oblong map is padded, one of inverted contrast is
        inverted, noise in the solvent is masked away.

    Raises
    ------
    IceblockError
        As `read_volume`.
    """
    volume = read_volume(path, pixel_size)
    remarks = []
    if shape := _padded_shape(path):
        remarks.append(
            f"{path} has {shape[0]} x {shape[1]} x {shape[2]} voxels: it was padded to an even "
            "cube."
        )
    if is_inverted(volume.data):
        volume = replace(volume, data=-volume.data)
        remarks.append(
            f"{path} has its contrast inverted (most of its density is negative): it was inverted "
            "back."
        )
    if solvent_noise(volume.data) > SOLVENT_NOISE:
        volume = replace(volume, data=masked(volume.data, volume.pixel_size))
        remarks.append(f"{path} has noise in the solvent: all but the molecule was masked away.")
    return volume, remarks


def box_for(diameter: float, pixel_size: float, multiple: int = 8) -> int:
    """Give the smallest box (pixels) that a particle of a diameter (Å) does not overfill."""
    return multiple * int(np.ceil(diameter / pixel_size / FILLED / multiple))


def is_inverted(data: npt.NDArray[np.float32]) -> bool:
    """Tell whether density is negative: a molecule's voxels are few and far above the solvent."""
    apart = data - np.median(data)
    return float((apart.astype(np.float64) ** 3).mean()) < 0


def solvent_noise(data: npt.NDArray[np.float32]) -> float:
    """Give the standard deviation outside the sphere inside the cube, over the maximum."""
    outside = data[_radius(data.shape[0]) > data.shape[0] / 2 - 1]
    return float(outside.std() / max(float(data.max()), 1e-20))


def masked(data: npt.NDArray[np.float32], pixel_size: float) -> npt.NDArray[np.float32]:
    """Keep the molecule: what stands out of the solvent's noise at low resolution, with a margin.

    Parameters
    ----------
    data : (n, n, n)
    pixel_size
        Å.
    """
    smooth = ndimage.gaussian_filter(data, _EDGE / pixel_size)
    outside = smooth[_radius(data.shape[0]) > data.shape[0] / 2 - 1]
    level = max(outside.mean() + 5 * outside.std(), 0.1 * smooth.max())
    parts, count = ndimage.label(smooth > level)
    if count > 1:  # crumbs of noise are no part of it, other domains may be
        sizes = np.bincount(parts.ravel())[1:]
        molecule = np.isin(parts, 1 + np.flatnonzero(sizes >= 0.1 * sizes.max()))
    else:
        molecule = parts > 0
    distance = ndimage.distance_transform_edt(~molecule) * pixel_size
    soft = 0.5 * (1 + np.cos(np.pi * np.clip(distance / _EDGE - 1, 0, 1)))
    return (data * soft).astype(np.float32)


def _padded_shape(path: Path) -> tuple[int, ...] | None:
    """Shape (z, y, x) of a map that is no even cube; None for all else."""
    if not any(suffix.lower() in MAP_SUFFIXES for suffix in path.suffixes):
        return None
    shape = read_map_header(path).shape
    return shape if len(set(shape)) > 1 or shape[0] % 2 else None


def _radius(box: int) -> npt.NDArray[np.float32]:
    """Distance of each voxel from the centre, pixels."""
    d = (np.arange(box) - box // 2).astype(np.float32) ** 2
    return np.asarray(np.sqrt(d[:, None, None] + d[:, None] + d), dtype=np.float32)
