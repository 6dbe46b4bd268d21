"""How far to trust a denoised image, told by whether its turned copies come out the same.

A network that sees a particle answers a turned copy of the image with the turned answer; where it
guesses at noise, the answers differ. The agreement is read inside the outline that the answers
themselves draw, because a blob at the centre of the box is what they always agree on. Where a set
has taught a part of the result, it tells its confidence: see `sets.stacking.confidence`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..signal.spectrum import radial_index

VIEWS = 4
"""Quarter turns of an image; a confidence costs the network as many passes."""
OUTLINE_BLUR = 16.0
"""Å, standard deviation of the Gaussian that smooths an answer before its outline is drawn."""
OUTLINE_LEVEL = 0.3
"""Part of the smooth answer's maximum that the outline holds."""
TABLE = (
    (-0.3333, 0.0),
    (0.8859, 0.285),
    (0.9442, 0.29),
    (0.9595, 0.348),
    (0.9672, 0.387),
    (0.9742, 0.418),
    (0.9808, 0.484),
    (0.985, 0.578),
    (0.9884, 0.653),
    (0.9904, 0.712),
    (0.9921, 0.746),
    (0.9939, 0.792),
    (0.9961, 0.852),
    (1.0, 1.0),
)
"""Agreement, and the mean correlation with the truth inside the particle mask that simulated
particles of that agreement have; made by `benchmarks/confidence.py`."""


def turned(images: torch.Tensor, view: int) -> torch.Tensor:
    """Turn (n, box, box) images by `view` quarters; a negative number turns them back."""
    return torch.rot90(images, view, (-2, -1))


def agreement(views: Sequence[torch.Tensor], pixel_size: float) -> torch.Tensor:
    """Mean correlation between answers, over all pairs of them, inside their common outline.

    Parameters
    ----------
    views : k of (n, box, box)
        Answers to the turned images, turned back.
    pixel_size
        Å.

    Returns
    -------
    agreement : (n,) float32
        -1/(k-1) to 1; 0 where an answer is constant.
    """
    stack = torch.stack(list(views), dim=1)
    n, k, box, _ = stack.shape
    weight = outline(stack.mean(dim=1), pixel_size)[:, None].to(stack.dtype)
    total = weight.sum(dim=(2, 3), keepdim=True).clamp(min=1)
    apart = (stack - (stack * weight).sum(dim=(2, 3), keepdim=True) / total) * weight
    flat = apart.reshape(n, k, box * box)
    length = flat.square().sum(dim=2, keepdim=True).sqrt()
    unit = torch.where(length > 0, flat / length.clamp(min=1e-30), 0.0)
    # |sum of units|² holds each pair twice, and each unit with itself once.
    own = unit.square().sum(dim=(1, 2))
    return (unit.sum(dim=1).square().sum(dim=1) - own) / (k * (k - 1))


def outline(images: torch.Tensor, pixel_size: float) -> torch.Tensor:
    """Pixels where the smooth magnitude of (n, box, box) images is above a part of its maximum.

    Parameters
    ----------
    images : (n, box, box)
    pixel_size
        Å.

    Returns
    -------
    mask : (n, box, box) bool
    """
    box = images.shape[-1]
    rings = box // 2 + 1
    frequency = torch.linspace(0, 0.5 / pixel_size, rings, device=images.device)
    gain = torch.exp(-2 * (torch.pi * OUTLINE_BLUR * frequency).square())
    spectrum = torch.fft.rfft2(images.abs()) * gain[radial_index(box, rings, images.device)]
    smooth = torch.fft.irfft2(spectrum, s=(box, box))
    mask: torch.Tensor = smooth > OUTLINE_LEVEL * smooth.amax(dim=(1, 2), keepdim=True)
    return mask


def calibrated(
    values: npt.NDArray[np.float32], table: Sequence[Sequence[float]] = TABLE
) -> npt.NDArray[np.float32]:
    """Turn agreements into the correlation with the truth that is expected of them.

    Parameters
    ----------
    values : (n,)
        Agreements; NaN becomes 0.
    table
        Rising pairs of agreement and correlation; straight lines run between them.

    Returns
    -------
    confidence : (n,) float32, 0 to 1
    """
    known, expected = np.asarray(table, dtype=np.float64).T
    made = np.interp(np.nan_to_num(values), known, expected)
    return np.asarray(np.clip(made, 0, 1), dtype=np.float32)
