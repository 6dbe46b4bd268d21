"""BM3D, where the user has installed it: blocks that look alike are filtered together.

The package `bm3d` of the Python Package Index is licensed for non-commercial use alone, so that it
is no dependency of iceblock and comes from nobody but the user.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from .baseline import Baseline, combinations
from .image_by_image import image_by_image

if TYPE_CHECKING:
    import torch

PACKAGE = "bm3d"
LICENCE = "package bm3d, licensed for non-commercial use only, installed by the user"
ABSENT = (
    "BM3D is left out: the package bm3d is not installed (pip install bm3d; its licence allows "
    "non-commercial use only)."
)


def bm3d(images: torch.Tensor, sigma_noise: float) -> torch.Tensor:
    """Filter (n, box, box) images by the user's package `bm3d`.

    Parameters
    ----------
    images : (n, box, box)
    sigma_noise
        Standard deviation that the filter is told, over that of the noise.
    """
    package = importlib.import_module(PACKAGE)
    return image_by_image(images, lambda image: package.bm3d(image, sigma_noise))


def bm3d_baseline() -> Baseline | None:
    """Give BM3D, or None where the package cannot be imported."""
    try:
        importlib.import_module(PACKAGE)
    except ImportError:
        return None
    return Baseline(
        "BM3D", bm3d, combinations(sigma_noise=(0.5, 0.75, 1, 1.5, 2, 3, 4)), note=LICENCE
    )
