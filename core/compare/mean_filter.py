"""The mean filter: each pixel becomes the mean of a square about it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn import functional as F

from .baseline import Baseline, combinations

if TYPE_CHECKING:
    import torch


def mean_filter(images: torch.Tensor, width_pixels: float) -> torch.Tensor:
    """Average (n, box, box) images over squares; the edges are reflected.

    Parameters
    ----------
    images : (n, box, box)
    width_pixels
        Odd edge of the square.
    """
    reach = int(width_pixels) // 2
    padded = F.pad(images[:, None], [reach] * 4, mode="reflect")
    return F.avg_pool2d(padded, 2 * reach + 1, stride=1)[:, 0]


MEAN = Baseline("mean", mean_filter, combinations(width_pixels=(3, 5, 7, 9, 11, 15, 21)))
