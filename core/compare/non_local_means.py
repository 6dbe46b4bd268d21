"""Non-local means: each pixel becomes the mean of pixels whose surroundings look alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluate.extra import from_extra
from .baseline import Baseline, combinations
from .image_by_image import image_by_image

if TYPE_CHECKING:
    import torch

REACH = 11
"""Pixels from each pixel, along either axis, within which its like are looked for."""


def non_local_means(images: torch.Tensor, h_noise: float, patch_pixels: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_nl_means`, told the noise's sd of 1.

    Parameters
    ----------
    images : (n, box, box)
    h_noise
        Unlikeness that halves or so a pixel's weight, in standard deviations of the noise.
    patch_pixels
        Odd edge of the surroundings that are compared.
    """
    restoration = from_extra("skimage.restoration")
    return image_by_image(
        images,
        lambda image: restoration.denoise_nl_means(
            image, patch_size=int(patch_pixels), patch_distance=REACH, h=h_noise, sigma=1.0
        ),
    )


NON_LOCAL_MEANS = Baseline(
    "non-local means",
    non_local_means,
    combinations(h_noise=(0.1, 0.2, 0.35, 0.6, 1.0), patch_pixels=(5, 9, 15)),
)
