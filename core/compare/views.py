"""Pairs of noisy and clean images at given poses."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch

from ..noise.source import NoiseSource
from ..signal.ctf import CtfParameters, ctf_images
from ..simulate.pairs import Pairs
from ..simulate.projection import (
    VolumeTransform,
    crop_centre,
    rotation_matrices,
    shift_spectra,
    to_images,
)
from ..simulate.superposition import superimpose, support

_CHUNK = 64


def view_pairs(
    volume: VolumeTransform,
    angles: npt.NDArray[np.float64],
    shifts: npt.NDArray[np.float64],
    ctf: CtfParameters | None,
    noise: torch.Tensor,
    snr: float,
) -> Pairs:
    """Project a volume at given poses and put the projections into given noise.

    Parameters
    ----------
    volume
        What is seen.
    angles : (n, 3)
        rot, tilt, psi in degrees.
    shifts : (n, 2)
        Offset of the particle along y and x, pixels.
    ctf
        n of them; None for none.
    noise : (n, box, box)
        On the volume's device.
    snr
        Variance inside the particle's support over that of the noise.
    """
    n, box = len(angles), noise.shape[-1]
    parts = []
    for start in range(0, n, _CHUNK):
        rows = np.arange(start, min(start + _CHUNK, n))
        bare = volume.slices(rotation_matrices(angles[rows]))
        offset = torch.as_tensor(shifts[rows], dtype=torch.float32, device=bare.device)
        moved = shift_spectra(bare, offset)
        mask = support(crop_centre(to_images(moved), box))
        if ctf is not None:
            moved = moved * ctf_images(
                ctf.take(rows), volume.pixel_size, volume.padded_box, bare.device
            )
        parts.append((crop_centre(to_images(moved), box), mask))
    clean, mask = (torch.cat(part) for part in zip(*parts, strict=True))
    level = torch.full((n,), snr, dtype=clean.dtype, device=clean.device)
    noisy, clean = superimpose(clean, mask, torch.zeros_like(clean), noise, level)
    return Pairs(
        clean, mask, level, angles, shifts, ctf or _no_ctf(n), np.zeros(n, dtype=np.int64),
        np.full(n, volume.pixel_size), noisy,
    )  # fmt: skip


def draw_noise(source: NoiseSource, n: int, box: int, generator: torch.Generator) -> torch.Tensor:
    """Draw (n, box, box) noise, a few images at a time."""
    counts = [min(_CHUNK, n - start) for start in range(0, n, _CHUNK)]
    return torch.cat([source.draw(count, box, generator) for count in counts])


def _no_ctf(n: int) -> CtfParameters:
    """Fill the place of parameters that were not applied."""
    zero = np.zeros(n)
    return CtfParameters(zero, zero, zero, np.full(n, 300.0), zero, np.ones(n), zero)
