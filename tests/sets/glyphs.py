"""Flat pictures that stand for the views of particles, turned and moved at will."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.ndimage import affine_transform, gaussian_filter

from core.signal.ctf import CtfParameters, ctf_images

BOX, PIXEL_SIZE = 48, 4.0
Floats = npt.NDArray[np.float64]


def glyphs() -> Floats:
    """Give three pictures (3, BOX, BOX) without symmetry, of equal energy."""
    made = np.zeros((3, BOX, BOX))
    made[0, 16:32, 20:26] = made[0, 16:20, 20:36] = made[0, 28:32, 14:26] = 1
    made[1, 15:20, 15:34] = made[1, 15:33, 30:34] = made[1, 24:28, 24:34] = 1
    made[2, 18:31, 14:20] = made[2, 18:31, 28:34] = made[2, 26:31, 14:34] = 1
    made = gaussian_filter(made, (0, 1.2, 1.2))
    return np.asarray(made / np.sqrt((made**2).sum(axis=(1, 2), keepdims=True)) * 20)


def placed(picture: Floats, turn: float, offset: Floats) -> Floats:
    """Turn a picture by degrees from x towards y, then move it by y, x pixels."""
    a = np.radians(turn)
    back = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    centre = np.array([BOX // 2, BOX // 2], dtype=float)
    return np.asarray(affine_transform(picture, back, centre - back @ (centre + offset), order=3))


def scenes(
    n: int, noise: float, seed: int, ctf: CtfParameters | None = None
) -> tuple[torch.Tensor, npt.NDArray[np.int64], Floats, Floats]:
    """Give n noisy images, and of each its picture, turn (degrees) and offset."""
    rng = np.random.default_rng(seed)
    which, turns = rng.integers(3, size=n), rng.uniform(0, 360, n)
    offsets = rng.normal(0, 1.2, (n, 2))
    pictures = glyphs()
    clean = np.array(
        [placed(pictures[w], t, o) for w, t, o in zip(which, turns, offsets, strict=True)]
    )
    images = torch.from_numpy(clean.astype(np.float32))
    if ctf is not None:
        seen = torch.fft.rfft2(images) * ctf_images(ctf, PIXEL_SIZE, BOX)
        images = torch.fft.irfft2(seen, s=(BOX, BOX))
    drawn = rng.standard_normal(images.shape, dtype=np.float32)
    return images + noise * torch.from_numpy(drawn), which, turns, offsets
