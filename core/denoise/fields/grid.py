"""A micrograph at a network's working pixel size, and back, in Fourier space.

Both grids begin at the centre of the same pixel. So a coordinate in one is a coordinate in the
other times a constant, for any shape of the micrograph.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.fft import irfft, rfft

Image = npt.NDArray[np.float32]

BLOCK = 128
"""Micrograph pixels that become a whole number of working pixels."""
_REACH = 32
"""Mirrored pixels at least beyond each border: the transform is periodic."""
_LINES = 256
"""Lines that are transformed at a time: the memory for it does not grow with the micrograph."""


@dataclass(frozen=True)
class WorkingGrid:
    """How a micrograph is seen at the working pixel size.

    Attributes
    ----------
    shape
        (ny, nx) of the micrograph.
    pixel_size
        Å of the micrograph.
    block
        Working pixels that `BLOCK` pixels of the micrograph become.
    """

    shape: tuple[int, int]
    pixel_size: float
    block: int

    @classmethod
    def of(
        cls, shape: tuple[int, int], pixel_size: float, working_pixel_size: float
    ) -> WorkingGrid:
        """Choose the grid: the working pixel size or a little more; never finer than the image."""
        block = int(BLOCK * pixel_size / working_pixel_size + 1e-6)
        return cls(shape, pixel_size, min(BLOCK, max(1, block)))

    @property
    def scale(self) -> float:
        """Pixels of the micrograph in a working pixel; a coordinate times this is the raw one."""
        return BLOCK / self.block

    @property
    def working_pixel_size(self) -> float:
        """Å."""
        return self.pixel_size * self.scale

    @property
    def working_shape(self) -> tuple[int, int]:
        """(h, w): the working pixels whose centres lie in the micrograph."""
        h, w = ((side - 1) * self.block // BLOCK + 1 for side in self.shape)
        return h, w

    def shrunk(self, image: Image) -> Image:
        """Give a micrograph (ny, nx) at the working pixel size, (h, w)."""
        if self.block == BLOCK:
            return image
        for axis in (1, 0):
            image = _resized(image, axis, BLOCK, self.block, self.working_shape[axis])
        return image

    def enlarged(self, image: Image) -> Image:
        """Give an image (h, w) of the working pixel size on the pixels of the micrograph."""
        if self.block == BLOCK:
            return image
        for axis in (0, 1):
            image = _resized(image, axis, self.block, BLOCK, self.shape[axis])
        return image


def _resized(image: Image, axis: int, before: int, after: int, length: int) -> Image:
    """Resample one axis so that `before` pixels become `after`; gives the first `length` ones.

    Frequencies beyond the coarser grid are lost, and so is its Nyquist frequency, whose sign is
    ambiguous. The image is mirrored at its ends first.
    """
    side = image.shape[axis]
    blocks = -(-(side + _REACH * max(1, before // after)) // before) + 1  # one before the image
    wide = blocks * before
    keep = (min(wide, blocks * after) + 1) // 2
    lines = np.moveaxis(image, axis, -1)
    made = np.empty((*lines.shape[:-1], length), np.float32)
    for start in range(0, len(lines), _LINES):
        part = lines[start : start + _LINES]
        padded = np.pad(part, ((0, 0), (before, wide - before - side)), mode="symmetric")
        spectrum = rfft(padded, axis=-1, workers=torch.get_num_threads())[:, :keep]
        resampled = irfft(
            spectrum * np.float32(after / before), blocks * after, axis=-1,
            workers=torch.get_num_threads(),
        )  # fmt: skip
        made[start : start + _LINES] = resampled[:, after : after + length]
    return np.ascontiguousarray(np.moveaxis(made, -1, axis))
