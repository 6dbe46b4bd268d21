"""The images of a set, as they are kept to learn from."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import torch

from ..signal.ctf import CtfParameters
from ..signal.ctf import joined as joined_ctf
from ..signal.outliers import without_outliers
from .estimators.estimator import Seen, joined, keys_of
from .jury import OTHERS
from .views import normalised, set_view, working_view
from .weighing import how_many

PIECE = 32
"""Images that one thread works on at a time."""
KEPT = torch.bfloat16
"""Type of the views."""

Usable = tuple[Seen, "npt.NDArray[np.bool_]"]


def shown(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    contrast: int,
    working_pixel_size: float,
    ctf: CtfParameters | None,
) -> Usable:
    """Show raw images as estimators see them, those that can be used.

    Parameters
    ----------
    images : (n, box, box)
    pixel_size, working_pixel_size
        Å; the latter of the network.
    contrast
        1 for white particles, -1 for black ones.
    ctf
        n of them; images without one are left out. None where the set has none.

    Returns
    -------
    seen
        m images.
    usable : (n,) bool
    """
    known, unusable = normalised(torch.from_numpy(images), contrast)
    known, _ = without_outliers(known)
    seen, _ = working_view(known, pixel_size, working_pixel_size)
    usable = ~unusable.numpy()
    if ctf is not None:
        usable &= ctf.known
    rows = np.flatnonzero(usable)
    size = images.shape[-1] * pixel_size / seen.shape[-1]
    optics = None if ctf is None else ctf.take(rows)
    return Seen(seen[torch.from_numpy(rows)], size, optics, keys_of(images[rows])), usable


class Lesson:
    """What is kept of a set's images to learn from.

    Their views take most of the memory. So they are kept as bfloat16, which rounds by 0.4 % at
    most, far below the noise.

    Parameters
    ----------
    pieces
        All images that are learned from, some at a time.
    count
        How many there are, about.
    """

    def __init__(self, pieces: Iterable[Seen], count: int) -> None:
        views, optics, halves, chosen, rest, seen = [], [], [], [], [], 0
        self.pixel_size = 0.0
        """Å, of `views`."""
        for piece in pieces:
            box = piece.images.shape[-1]
            wanted = min(count, how_many(box))
            number = torch.arange(seen, seen + len(piece.keys))
            due = number * wanted // count != (number + 1) * wanted // count
            chosen.append(piece.take(due.nonzero()[:, 0]))
            rest.append(~due)
            seen += len(piece.keys)
            views.append(set_view(piece.images)[0].to(KEPT))
            optics.append(piece.ctf)
            halves.append(piece.halves)
            self.pixel_size = piece.pixel_size * box / views[-1].shape[-1]
        self.views = _together(views)
        """(n, b, b) all images, as the set's own estimates see them, of type `KEPT`."""
        self.halves = torch.cat(halves)
        """(n,)."""
        self.sample = joined(chosen)
        """Images that weights are told from, spread evenly over all."""
        alike = self.views.shape[-1] == self.sample.images.shape[-1]
        further = torch.cat(rest).nonzero()[:OTHERS, 0]
        self.others = self.views[further].float() if alike else None
        """Further images where estimators see them as large; None elsewhere."""
        known = [ctf for ctf in optics if ctf is not None]
        self.ctf = joined_ctf(known) if known else None

    def forget_views(self) -> None:
        """Let go of `views`, which take most of the memory."""
        self.views = self.views[:0].clone()


def _together(pieces: list[torch.Tensor]) -> torch.Tensor:
    """Put pieces one after the other, and let go of each, so that no image is kept twice."""
    whole = torch.empty(sum(map(len, pieces)), *pieces[0].shape[1:], dtype=KEPT)
    stop = len(whole)
    while pieces:
        piece = pieces.pop()
        whole[stop - len(piece) : stop] = piece
        stop -= len(piece)
    return whole


def lesson_of(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    working_pixel_size: float,
    contrast: int,
    pool: Executor,
) -> Lesson:
    """Show raw images as estimators see them, and keep them to learn from; see `shown`."""

    def show(start: int) -> Seen:
        rows = np.arange(start, min(start + PIECE, len(images)))
        optics = None if ctf is None else ctf.take(rows)
        return shown(images[rows], pixel_size, contrast, working_pixel_size, optics)[0]

    return Lesson(pool.map(show, range(0, len(images), PIECE)), len(images))
