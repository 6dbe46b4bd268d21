"""A network over an image of any shape: overlapping tiles whose weights sum to one."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import numpy.typing as npt
import torch

from ...compute.device import bf16_pays
from ...compute.threads import thread_pool
from ..ctf_channel import joined_channels, reads_ctf, with_ctf_channel
from ..model_file import Model

Image = npt.NDArray[np.float32]

SIDE, OVERLAP = 544, 64
"""Pixels of a tile at most, and those that it shares with each neighbour."""
MARGIN = 32
"""Mirrored pixels beyond the border of the image."""
_UNIT = 8


@dataclass(frozen=True)
class FieldNetwork:
    """A model's network for images of any shape, on the device of its weights.

    On a CPU each thread computes whole tiles alone, so that the result does not depend on the
    number of threads.
    """

    model: Model
    device: torch.device

    def __call__(self, image: Image) -> Image:
        """Denoise an image (h, w): white particles, in units of the ice's standard deviation."""
        h, w = image.shape
        rows, columns = _Axis.over(h + 2 * MARGIN), _Axis.over(w + 2 * MARGIN)
        beyond = [(MARGIN, axis.whole - MARGIN - n) for axis, n in ((rows, h), (columns, w))]
        wide = np.pad(image, beyond, mode="symmetric")
        total = np.zeros(wide.shape, np.float32)
        places = list(product(range(rows.count), range(columns.count)))

        def tile(place: tuple[int, int]) -> Image:
            part = wide[rows.part(place[0]), columns.part(place[1])]
            return np.asarray(self.answer(part[None])[0])

        with thread_pool() as pool:
            work = pool.map(tile, places) if self.device.type == "cpu" else map(tile, places)
            for (y, x), made in zip(places, work, strict=True):  # always in this order
                weight = np.outer(rows.weight(y), columns.weight(x))
                total[rows.part(y), columns.part(x)] += made * weight
        inside = slice(MARGIN, MARGIN + h), slice(MARGIN, MARGIN + w)
        return np.ascontiguousarray(total[inside], dtype=np.float32)

    @torch.inference_mode()
    def answer(self, images: Image) -> Image:
        """Apply the network to (n, h, w) images as they are."""
        seen = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=bf16_pays(self.device)):
            if reads_ctf(self.model.generator):  # a micrograph has no one CTF
                none = torch.zeros(len(seen), 1, 1, device=self.device)
                channels = self.model.generator(with_ctf_channel(seen, none)).float()
                made = joined_channels(channels, none)
            else:
                last = seen[:, None].contiguous(memory_format=torch.channels_last)
                made = self.model.generator(last)[:, 0].float()
        return np.asarray(made.cpu().numpy(), dtype=np.float32)


@dataclass(frozen=True)
class _Axis:
    """The tiles along one axis, all of the same length."""

    count: int
    step: int

    @classmethod
    def over(cls, length: int) -> _Axis:
        """Cover a length with the fewest tiles, which then are no longer than they need to be."""
        count = max(1, -(-(length - OVERLAP) // (SIDE - OVERLAP)))
        return cls(count, -(-max(1, length - OVERLAP) // (count * _UNIT)) * _UNIT)

    @property
    def whole(self) -> int:
        """Pixels that all tiles cover."""
        return self.count * self.step + OVERLAP

    def part(self, number: int) -> slice:
        """Give the pixels of a tile."""
        return slice(number * self.step, (number + 1) * self.step + OVERLAP)

    def weight(self, number: int) -> Image:
        """Give the weights (step + OVERLAP,) of a tile: those of all tiles sum to one."""
        weight = np.ones(self.step + OVERLAP, np.float32)
        rising = np.sin(np.pi / 2 * (np.arange(OVERLAP) + 0.5) / OVERLAP) ** 2
        if number > 0:
            weight[:OVERLAP] *= rising
        if number < self.count - 1:
            weight[-OVERLAP:] *= rising[::-1]
        return weight
