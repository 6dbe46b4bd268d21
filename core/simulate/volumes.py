"""Reference volumes: maps and atomic models brought to one pixel size and an even cubic box."""

from __future__ import annotations

import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..errors import IceblockError
from ..images.input_file import refuse_beyond_memory
from .atomic_models import density_of_model, read_model
from .map_file import read_map_values
from .volume import Volume

__all__ = ["MAP_SUFFIXES", "MODEL_SUFFIXES", "Volume", "read_map", "read_volume", "resample"]

MAP_SUFFIXES = (".mrc", ".map", ".ccp4")
_COARSEST = 16.0  # times the pixel size wanted
_LONGEST = 16  # side of a map over its shortest one: a cube is made of it
_LARGEST = 1e15  # no density comes near, and squares of it are still numbers
MODEL_SUFFIXES = (".pdb", ".ent", ".cif", ".mmcif")


def read_volume(path: Path, pixel_size: float, resolution: float | None = None) -> Volume:
    """Read a map or an atomic model as a density at a given pixel size.

    Parameters
    ----------
    path
        .mrc, .map, .ccp4 (maps), .pdb, .ent, .cif, .mmcif (atomic models), each also with .gz.
    pixel_size
        Å per pixel of the result.
    resolution
        Å; for atomic models only, default twice the pixel size.

    Raises
    ------
    IceblockError
        If the file is missing, of another kind, empty, not finite or without a pixel size.
    """
    if not path.is_file():
        raise IceblockError(f"Volume {path} does not exist: give a map or an atomic model.")
    suffixes = [s.lower() for s in path.suffixes]
    kind = suffixes[-2] if suffixes[-1:] == [".gz"] and len(suffixes) > 1 else suffixes[-1:]
    kind = kind if isinstance(kind, str) else "".join(kind)
    if kind in MODEL_SUFFIXES:
        return density_of_model(read_model(path), pixel_size, resolution)
    if kind in MAP_SUFFIXES:
        return resample(read_map(path), pixel_size)
    known = ", ".join(MAP_SUFFIXES + MODEL_SUFFIXES)
    raise IceblockError(f"Volume {path} has an unknown suffix: give one of {known} (also .gz).")


def read_map(path: Path) -> Volume:
    """Read an MRC map into an even cube whose edges are padded with the border's mean."""
    try:
        data, header = read_map_values(path)
    except (ValueError, OSError, EOFError, zlib.error) as error:
        raise IceblockError(f"Volume {path} is not a readable MRC map: {error}.") from error
    if min(data.shape) < 8 or max(data.shape) > _LONGEST * min(data.shape):
        raise IceblockError(
            f"Volume {path} is not a 3D map of real numbers (it holds {header.dtype} values of "
            f"shape {data.shape})."
        )
    data = _zyx(data, header.axes)
    sizes = np.array(header.voxel_sizes)
    if not (np.abs(data) < _LARGEST).all():
        raise IceblockError(
            f"Volume {path} holds NaN or infinite values, or some beyond all densities: export the "
            "map again."
        )
    if data.min() == data.max():
        raise IceblockError(f"Volume {path} is empty: all its values are equal.")
    if not ((sizes > 0.01) & (sizes < 1000)).all():
        raise IceblockError(
            f"Volume {path} has no pixel size in its header: set it, for example with "
            "relion_image_handler --i MAP --o MAP --force_header_angpix ANGPIX."
        )
    if sizes.max() > 1.01 * sizes.min():
        shown = " x ".join(f"{size:g}" for size in sizes)
        raise IceblockError(
            f"Volume {path} has voxels of {shown} Å: resample it to cubic ones, for example with "
            "ChimeraX's volume resample."
        )
    return Volume(_even_cube(data), float(sizes[0]), path.name.split(".")[0])


def _zyx(data: npt.NDArray[np.float32], axes: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    """Bring sections, rows and columns to the order z, y, x, whatever axes the header names."""
    if sorted(axes) != [1, 2, 3]:
        return data
    return data.transpose([axes.index(axis) for axis in (3, 2, 1)])


def _even_cube(data: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Pad to an even cube; the centre voxel n // 2 of each axis stays the centre."""
    edge = max(data.shape)
    edge += edge % 2
    border = float(np.mean([data[0].mean(), data[-1].mean()]))
    before = [edge // 2 - n // 2 for n in data.shape]
    pads = [(b, edge - n - b) for b, n in zip(before, data.shape, strict=True)]
    return np.pad(data - border, pads).astype(np.float32)


def resample(volume: Volume, pixel_size: float) -> Volume:
    """Resample to another pixel size (Å) by cropping or padding the Fourier transform.

    The box is first padded so that the ratio of the two pixel sizes is met within 0.5 %.
    """
    ratio = volume.pixel_size / pixel_size
    if abs(ratio - 1) < 1e-3:
        return volume
    if ratio > _COARSEST:
        raise IceblockError(
            f"Volume {volume.name} has voxels of {volume.pixel_size:g} Å, too coarse for images of "
            f"{pixel_size:g} Å per pixel: correct the pixel size in its header."
        )
    padded, box = _matching_boxes(volume.box, ratio)
    # Two cubes of complex numbers and the result.
    refuse_beyond_memory(Path(volume.name), 20 * max(padded, box) ** 3)
    before = padded // 2 - volume.box // 2
    data = np.pad(volume.data, [(before, padded - volume.box - before)] * 3)
    spectrum = torch.fft.fftshift(torch.fft.fftn(torch.from_numpy(data)))
    pad = (box - padded) // 2
    resized = torch.nn.functional.pad(spectrum, [pad, pad] * 3)
    if pad < 0:
        resized[0], resized[:, 0], resized[:, :, 0] = 0, 0, 0  # the unpaired Nyquist planes
    result = torch.fft.ifftn(torch.fft.ifftshift(resized)).real * (box / padded) ** 3
    return replace(
        volume,
        data=result.numpy().astype(np.float32),
        pixel_size=volume.pixel_size * padded / box,
    )


def _matching_boxes(box: int, ratio: float) -> tuple[int, int]:
    """Even sizes (padded, new) with padded >= box and new / padded closest to `ratio`."""
    candidates = []
    for padded in range(box, max(box + 40, 220) + 1, 2):
        new = max(8, 2 * round(padded * ratio / 2))
        error = abs(new / (padded * ratio) - 1)
        candidates.append((error > 0.005, padded if error <= 0.005 else error, padded, new))
    _, _, padded, new = min(candidates)
    return padded, new
