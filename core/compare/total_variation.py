"""Total variation: the image nearest to the noisy one whose slopes add up to little."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..evaluate.extra import from_extra
from .baseline import Baseline, combinations
from .image_by_image import image_by_image

if TYPE_CHECKING:
    import torch


def total_variation(images: torch.Tensor, weight_noise: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_tv_chambolle`.

    Parameters
    ----------
    images : (n, box, box)
    weight_noise
        Weight of the slopes against the distance from the noisy image, in standard deviations of
        the noise.
    """
    restoration = from_extra("skimage.restoration")
    return image_by_image(
        images, lambda image: restoration.denoise_tv_chambolle(image, weight=weight_noise)
    )


TOTAL_VARIATION = Baseline(
    "total variation",
    total_variation,
    combinations(weight_noise=(0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16)),
)
