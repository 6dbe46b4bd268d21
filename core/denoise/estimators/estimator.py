"""What every estimate of clean images is asked, and how it answers."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from ...signal.ctf import CtfParameters
from ...signal.ctf import joined as joined_ctf

Rows = torch.Tensor | None
"""Numbers of some particles; None for all."""


@dataclass(frozen=True)
class Seen:
    """Particles as estimators see them.

    Attributes
    ----------
    images : (n, b, b)
        At the working pixel size; white particles, the background's mean 0 and sd 1.
    pixel_size
        Å.
    ctf
        n of them; None where the set has none.
    keys : (n,)
        Whole numbers that belong to the raw images, whatever others are seen beside them.
    """

    images: torch.Tensor
    pixel_size: float
    ctf: CtfParameters | None
    keys: torch.Tensor

    @property
    def halves(self) -> torch.Tensor:
        """(n,) 0 or 1: the half of the set that each image belongs to.

        What was learned from the other half has not seen its noise.
        """
        return self.keys & 1

    def take(self, rows: Rows) -> Seen:
        """Give some of the particles."""
        if rows is None:
            return self
        ctf = None if self.ctf is None else self.ctf.take(rows.cpu().numpy())
        return Seen(self.images[rows], self.pixel_size, ctf, self.keys[rows])

    def to(self, device: torch.device | str) -> Seen:
        """Give the same on another device."""
        return replace(self, images=self.images.to(device), keys=self.keys.to(device))

    def showing(self, images: torch.Tensor) -> Seen:
        """Give the same particles in other images."""
        return replace(self, images=images)


class Estimator(Protocol):
    """Estimates the clean images of particles, their CTF on them."""

    @property
    def name(self) -> str:
        """In reports and records."""
        ...

    def __call__(self, seen: Seen) -> torch.Tensor:
        """Give the estimate (n, s, s) in the images' units.

        s is b, or less: a coarser estimate of the same field of view.
        """
        ...


def by_halves(
    seen: Seen, estimates: Sequence[Callable[[Rows], tuple[torch.Tensor, ...]]]
) -> tuple[torch.Tensor, ...]:
    """Estimate the images of each half by that half's estimate, or all by one alone.

    Parameters
    ----------
    seen
        The particles.
    estimates
        Each gives values for the rows that it is given.
    """
    if len(estimates) == 1:
        return estimates[0](None)
    found = [(seen.halves == half).nonzero()[:, 0] for half in range(len(estimates))]
    parts = [estimate(rows) for rows, estimate in zip(found, estimates, strict=True) if len(rows)]
    order = torch.argsort(torch.cat(found))
    return tuple(torch.cat(each)[order] for each in zip(*parts, strict=True))


def keys_of(images: npt.NDArray[np.float32]) -> torch.Tensor:
    """Give raw images (n, box, box) a key each, by their own pixels.

    So an image belongs to the same half wherever it lies, also when it is there twice, and whether
    its particle is white or black.

    Returns
    -------
    keys : (n,) int64
    """
    rows = np.abs(images[:, images.shape[1] // 2])
    return torch.tensor([zlib.crc32(row.tobytes()) for row in rows], dtype=torch.int64)


def joined(parts: Sequence[Seen]) -> Seen:
    """Put particles of one geometry behind one another."""
    optics = [part.ctf for part in parts if part.ctf is not None]
    return Seen(
        torch.cat([part.images for part in parts]),
        parts[0].pixel_size,
        joined_ctf(optics) if optics else None,
        torch.cat([part.keys for part in parts]),
    )
