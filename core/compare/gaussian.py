"""The Gaussian filter."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluate.held_out import gaussian
from .baseline import Baseline, combinations

if TYPE_CHECKING:
    import torch


def gaussian_filter(images: torch.Tensor, sigma_pixels: float) -> torch.Tensor:
    """Smooth (n, box, box) images by a Gaussian of a standard deviation, in Fourier space."""
    return gaussian(images, sigma_pixels)


GAUSSIAN = Baseline(
    "Gaussian", gaussian_filter, combinations(sigma_pixels=(0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8))
)
