"""Filters of other libraries, which take one image at a time as a numpy array."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import torch

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    Image = npt.NDArray[np.float32]


def image_by_image(
    images: torch.Tensor, denoise: Callable[[Image], npt.NDArray[Any]]
) -> torch.Tensor:
    """Apply a function of one (box, box) float32 image to each of (n, box, box) images."""
    results = np.empty(images.shape, dtype=np.float32)
    for k, image in enumerate(images.cpu().numpy()):
        results[k] = denoise(np.ascontiguousarray(image, dtype=np.float32))
    return torch.from_numpy(results).to(images.device)
