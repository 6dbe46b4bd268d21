"""The images of a set as the engine of the classes asks for them, in memory."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import torch

from ..compute.threads import shared
from ..sets.classes.polar import PolarGrid
from ..sets.classes.views import Views, view
from ..signal.ctf import CtfParameters

_PIECE = 64


class Sampled:
    """Some images of a set, sampled on a polar grid.

    Their samples are kept as bfloat16. This rounds by 0.4 % at most, far below the noise.

    Parameters
    ----------
    images : (n, box, box)
        White particles, the background's mean 0.
    ctf
        n of them; None where there are none.
    rows
        Which images.
    grid
        Where they are sampled.
    pixel_size
        Å.
    pool
        Whose threads share the work.
    """

    def __init__(
        self,
        images: torch.Tensor,
        ctf: CtfParameters | None,
        rows: torch.Tensor,
        grid: PolarGrid,
        pixel_size: float,
        pool: Executor | None,
    ) -> None:
        self._samples = torch.empty(len(rows), grid.rings, grid.turns, dtype=torch.bfloat16)
        self._transfer, self._power = torch.empty(2, len(rows), grid.rings)
        self.groups = torch.zeros(len(rows), dtype=torch.long)
        """(n,) all in one optics group."""

        def work(first: int) -> None:
            some = slice(first, first + _PIECE)
            mine = rows[some]
            optics = None if ctf is None else ctf.take(mine.numpy())
            groups = np.zeros(len(mine), dtype=np.int64)
            seen = view(images[mine].float(), grid, pixel_size, optics, groups)
            self._samples[some] = seen.samples
            self._transfer[some], self._power[some] = seen.transfer, seen.power

        for _ in shared(pool, work, range(0, len(rows), _PIECE)):
            pass

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images."""
        return Views(
            self._samples[rows].float(), self._transfer[rows], self._power[rows], self.groups[rows]
        )
