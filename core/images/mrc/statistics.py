"""The statistics in the header of an image stack, accumulated while it is written.

The sums of an image do not depend on the batch it came in, and they are added up exactly at the
end, so that a run that was stopped and continued gives the same header as an unbroken one.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt


class StackStatistics:
    """Minimum, maximum, mean and standard deviation of a stack of `n_images`, image by image."""

    def __init__(self, n_images: int) -> None:
        self._lowest = np.full(n_images, np.inf)
        self._highest = np.full(n_images, -np.inf)
        self._means = np.zeros(n_images)
        self._squares = np.zeros(n_images)

    def add(self, start: int, images: npt.NDArray[Any]) -> None:
        """Count images (k, y, x), the first of which is number `start` (0-based) of the stack."""
        for index, image in enumerate(images, start):
            values = image.astype(np.float64).ravel()
            self._lowest[index] = values.min()
            self._highest[index] = values.max()
            if not np.isfinite(self._lowest[index] + self._highest[index]):
                continue
            self._means[index] = values.mean()
            values -= self._means[index]
            self._squares[index] = np.square(values, out=values).mean()

    def complete(self, header: npt.NDArray[Any]) -> None:
        """Put the statistics into a header; a pixel that is no finite number leaves them unset."""
        if not np.isfinite(self._lowest.sum() + self._highest.sum()):
            return
        count = len(self._means)
        mean = math.fsum(self._means) / count
        header["dmin"] = self._lowest.min()
        header["dmax"] = self._highest.max()
        header["dmean"] = mean
        header["rms"] = math.sqrt(
            math.fsum(self._squares) / count + math.fsum(np.square(self._means - mean)) / count
        )
