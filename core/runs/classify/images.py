"""The images of a run as the engine of the classes sees them, in memory or read when needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...compute.threads import shared
from ...denoise.views import normalised
from ...images.mrc.reader import read_images
from ...images.output_plan import OutputPlan, StackJob
from ...sets.classes.polar import EDGE, PolarGrid, polar_grid
from ...sets.classes.views import Views, joined, view
from ...signal.ctf import CtfParameters
from ...signal.fourier import fourier_resize
from ...signal.outliers import without_outliers

FINEST = 4.0
"""Å per pixel: no finer detail decides on classes."""
LARGEST_BOX = 96
"""Pixels: a larger field is seen at a coarser pixel."""
SMALLEST_BOX = 32
IN_MEMORY = 600 << 20
"""Bytes of polar samples that are kept; a larger set is read again in every pass."""
_PIECE = 64


@dataclass(frozen=True)
class Field:
    """What is seen of every image.

    Attributes
    ----------
    box
        Pixels.
    pixel_size
        Å.
    diameter
        Of the mask, Å.
    flipped
        Whether images were phase-flipped.
    """

    box: int
    pixel_size: float
    diameter: float
    flipped: bool = False

    def grid(self) -> PolarGrid:
        """Give the samples that images are compared on."""
        return polar_grid(self.box, self.diameter / 2 / self.pixel_size + EDGE)


def choose_field(plan: OutputPlan, diameter: float | None) -> Field:
    """Choose the field so that the mask just fits into it.

    Parameters
    ----------
    plan
        Of the set.
    diameter
        Of the mask, Å; None for three quarters of the smallest image.
    """
    widths = [job.stack.box_x * job.pixel_size for job in plan.jobs]
    coarsest = max(job.pixel_size for job in plan.jobs)
    smallest = min(widths)
    wanted = min(diameter or 0.75 * smallest, 0.95 * smallest)
    pixel_size = max(FINEST, coarsest)
    box = wanted / pixel_size + 2 * EDGE + 4
    if box > LARGEST_BOX:
        pixel_size *= box / LARGEST_BOX
        box = LARGEST_BOX
    even = 2 * round(min(max(box, SMALLEST_BOX), smallest / pixel_size) / 2)
    return Field(max(8, even), pixel_size, wanted)


class StackImages:
    """The images of all stacks of a run, by their number in `places`.

    Parameters
    ----------
    plan
        Whose images they are: one for each image that particles name.
    field
        What is seen of them.
    contrasts
        1 or -1 for each job of the plan.
    ctf
        Of all rows; None where there are none.
    groups : (n,)
        Optics groups of all rows.
    """

    def __init__(
        self,
        plan: OutputPlan,
        field: Field,
        contrasts: Sequence[int],
        ctf: CtfParameters | None,
        groups: npt.NDArray[np.int32],
    ) -> None:
        self._jobs, self._field, self._contrasts, self._ctf = plan.jobs, field, contrasts, ctf
        self._grid = field.grid()
        self._first = np.cumsum([0, *(len(job.indices) for job in plan.jobs)])
        self.rows = np.concatenate([job.rows for job in plan.jobs])
        """(m,) the first particle that shows each image."""
        self._group = groups[self.rows].astype(np.int64)
        self.with_outliers = 0
        """How many images were looked at without some pixels of theirs, as `load` counts them."""
        self._known: Views | None = None

    @property
    def groups(self) -> torch.Tensor:
        """(m,) places of the optics groups."""
        return torch.from_numpy(self._group)

    def load(self, pool: Executor | None, tick: Callable[[int], None]) -> npt.NDArray[np.float64]:
        """Read all images once; keep them where they fit into memory.

        Returns
        -------
        energies : (m,)
            Mean squares of the images inside the mask; NaN for those that cannot be used.
        """
        count = len(self.rows)
        keep = 4 * count * self._grid.rings * self._grid.turns <= IN_MEMORY
        pieces = torch.split(torch.arange(count), _PIECE)

        def work(piece: torch.Tensor) -> tuple[Views | None, npt.NDArray[np.float64], int]:
            seen, usable, outlying = self._read(piece.numpy())
            weight = self._grid.sample_areas * self._grid.turns
            energy = np.asarray((seen.power @ weight).double().numpy())
            return seen if keep else None, np.where(usable, energy, np.nan), int(outlying.sum())

        kept, energies = [], []
        self.with_outliers = 0
        for piece, (seen, energy, outlying) in zip(pieces, shared(pool, work, pieces), strict=True):
            energies.append(energy)
            self.with_outliers += outlying
            if seen is not None:
                kept.append(seen)
            tick(len(piece))
        if kept:
            self._known = joined(kept)
        return np.concatenate(energies)

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images, by their numbers."""
        if self._known is not None:
            return self._known.take(rows)
        return self._read(rows.numpy())[0]

    def _read(
        self, places: npt.NDArray[np.int64]
    ) -> tuple[Views, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        jobs = np.searchsorted(self._first, places, side="right") - 1
        images = torch.zeros(len(places), self._field.box, self._field.box)
        usable, outlying = np.zeros((2, len(places)), dtype=bool)
        for number in np.unique(jobs).tolist():
            mine = np.flatnonzero(jobs == number)
            shown, usable[mine], outlying[mine] = self._seen(
                self._jobs[number], places[mine] - self._first[number], number
            )
            images[torch.from_numpy(mine)] = shown
        ctf = None if self._ctf is None else self._ctf.take(self.rows[places])
        seen = view(
            images, self._grid, self._field.pixel_size, ctf, self._group[places],
            flipped=self._field.flipped,
        )  # fmt: skip
        return seen, usable, outlying

    def _seen(
        self, job: StackJob, positions: npt.NDArray[np.int64], number: int
    ) -> tuple[torch.Tensor, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
        raw = torch.from_numpy(read_images(job.stack, job.indices[positions]))
        images, unusable = normalised(raw, self._contrasts[number])
        images, outlying = without_outliers(images)
        wide = 2 * round(job.stack.box_x * job.pixel_size / self._field.pixel_size / 2)
        small = fourier_resize(images, wide)
        return _centre(small, self._field.box), ~unusable.numpy(), (outlying > 0).numpy()


def _centre(images: torch.Tensor, box: int) -> torch.Tensor:
    """Cut (n, m, m) images about pixel m // 2 to a box, or lay zeros about them."""
    missing = max(0, box - images.shape[-1])
    wide = torch.nn.functional.pad(images, [missing // 2 + missing % 2, missing // 2] * 2)
    start = wide.shape[-1] // 2 - box // 2
    return wide[:, start : start + box, start : start + box]
