"""Densities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Volume:
    """A density: `data` (z, y, x) float32 in an even cube, `pixel_size` in Å, a `name`."""

    data: npt.NDArray[np.float32]
    pixel_size: float
    name: str

    @property
    def box(self) -> int:
        """Edge of the cube in pixels."""
        return int(self.data.shape[0])
