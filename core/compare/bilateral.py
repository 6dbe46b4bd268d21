"""The bilateral filter: a Gaussian that leaves out pixels of other grey values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluate.extra import from_extra
from .baseline import Baseline, combinations
from .image_by_image import image_by_image

if TYPE_CHECKING:
    import torch


def bilateral(images: torch.Tensor, sigma_grey: float, sigma_pixels: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_bilateral`.

    Parameters
    ----------
    images : (n, box, box)
    sigma_grey
        Standard deviation of the Gaussian of grey values, in those of the noise.
    sigma_pixels
        Standard deviation of the Gaussian of distances.
    """
    restoration = from_extra("skimage.restoration")
    return image_by_image(
        images,
        lambda image: restoration.denoise_bilateral(
            image, sigma_color=sigma_grey, sigma_spatial=sigma_pixels, mode="reflect"
        ),
    )


BILATERAL = Baseline(
    "bilateral", bilateral, combinations(sigma_grey=(1, 2, 4), sigma_pixels=(1, 2, 3, 4, 6))
)
