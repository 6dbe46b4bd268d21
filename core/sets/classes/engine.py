"""Goes through the images of a set, on several threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, fields
from typing import Protocol, TypeVar

import torch

from ...compute.threads import shared
from .expectation import Comparison
from .mixture import Mixture, Statistics
from .polar import PolarGrid
from .poses import Poses, best_poses
from .search import COARSE_RINGS, Search, Templates, disc, templates
from .views import Views

T = TypeVar("T")
FIRST_RINGS = 6
WIDE_RINGS = 14
"""Up to here the whole range of offsets is searched, beyond it the neighbourhood of the last."""
FINELY = 3
"""Classes that an image is compared with on all rings."""
FIRST_IMAGES = 100
"""Images for the first average of each class."""


class Source(Protocol):
    """The images of a set."""

    @property
    def groups(self) -> torch.Tensor:
        """(n,) places of the optics groups."""
        ...

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images."""
        ...


@dataclass(frozen=True)
class Settings:
    """How a set is learned.

    Attributes
    ----------
    classes
        Class averages beside that of empty images.
    offset_range
        Pixels that particles lie from the centre, at most.
    least_offset_sd
        Of the particles along y and along x, pixels.
    iterations
        Passes over the images.
    seed
        Of the first averages.
    prior_width
        See `Prior`.
    batch
        Images of one pass; a larger set is learned from in random batches.
    covariances
        See `Prior`.
    piece
        Images that one thread works on at a time.
    """

    classes: int
    offset_range: float
    least_offset_sd: float = 0.7
    iterations: int = 25
    seed: int = 0
    prior_width: float = 2.0
    batch: int = 20_000
    covariances: torch.Tensor | None = None
    piece: int = 256


@dataclass(frozen=True)
class Engine:
    """Goes through images on several threads, always with the same result.

    Attributes
    ----------
    source
        The images.
    grid
        Where images are sampled.
    settings
        How a set is learned.
    pool
        Whose threads share the images; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    """

    source: Source
    grid: PolarGrid
    settings: Settings
    pool: Executor | None = None
    tick: Callable[[int], None] = lambda count: None

    @property
    def images(self) -> int:
        """Number of images in the set."""
        return len(self.source.groups)

    def run(
        self, mixture: Mixture, search: Search, rows: torch.Tensor, now: torch.Tensor
    ) -> Statistics:
        """Compare images with a mixture, and give what they add up to.

        Where the search is local, their offsets in `now` are changed to what was found.
        """

        def sums(piece: torch.Tensor, comparison: Comparison, known: Templates) -> Statistics:
            found = comparison.fit(search, known)
            if is_local(search):
                now[piece] = best_poses(found, search).offsets
            return comparison.add_up(found, search, known)

        parts = self._compared(mixture, search, rows, now, sums)
        total = next(parts)
        for seen in parts:
            total = total + seen
        return total

    def place(
        self, mixture: Mixture, search: Search, rows: torch.Tensor, now: torch.Tensor
    ) -> Poses:
        """Compare images with a mixture, and give the poses of `rows` alone."""

        def poses(
            piece: torch.Tensor, comparison: Comparison, known: Templates
        ) -> tuple[torch.Tensor, Poses]:
            return piece, best_poses(comparison.fit(search, known), search)

        return _in_order(rows, list(self._compared(mixture, search, rows, now, poses)))

    def _compared(
        self,
        mixture: Mixture,
        search: Search,
        rows: torch.Tensor,
        now: torch.Tensor,
        read_off: Callable[[torch.Tensor, Comparison, Templates], T],
    ) -> Iterator[T]:
        """Compare images piece by piece, about the offsets in `now` if the search is local."""
        known = templates(mixture, search, self.grid, self.pool)
        wide = search_for(WIDE_RINGS, self.grid, self.settings)
        first = templates(mixture, wide, self.grid, self.pool) if is_local(search) else None

        def work(piece: torch.Tensor) -> T:
            views = self.source.views(piece)
            start = torch.zeros(len(piece), 2)
            if first is not None:
                start = now[piece]
                if bool(start.isnan().any()):
                    origin = Comparison(views, torch.zeros_like(start), mixture, self.grid)
                    start = best_poses(origin.fit(wide, first), wide).offsets
            return read_off(piece, Comparison(views, start, mixture, self.grid), known)

        pieces = list(self._pieces(rows))
        for piece, done in zip(pieces, shared(self.pool, work, pieces), strict=True):
            self.tick(len(piece))
            yield done

    def first(self, usable: torch.Tensor, generator: torch.Generator) -> Mixture:
        """Average random images, as they lie, for each class."""
        classes = self.settings.classes
        count = min(len(usable), FIRST_IMAGES * classes)
        rows = usable[torch.randperm(len(usable), generator=generator)[:count]]
        belongs = torch.zeros(len(self.source.groups), dtype=torch.long)
        belongs[rows] = torch.arange(len(rows)) % classes
        groups = int(self.source.groups.max()) + 1

        def work(piece: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            views = self.source.views(piece)
            member = torch.nn.functional.one_hot(belongs[piece], classes).float().T
            samples = torch.tensordot(member, views.samples, dims=1)
            return samples, member @ views.transfer, views.power.sum(0)

        parts = list(shared(self.pool, work, self._pieces(rows)))
        signal, precision, power = (
            sum(part[1:], start=part[0]) for part in zip(*parts, strict=True)
        )
        noise = (power / len(rows) / self.grid.mask_power).expand(groups, -1)
        precision = precision / noise[0]
        averages = (signal / noise[0][:, None]) / (precision + 1 / noise[0])[..., None]
        averages = self.grid.sample(self.grid.images(averages))
        averages[:, FIRST_RINGS:] = 0
        weights = torch.full((classes + 1,), 1 / (classes + 1))
        return Mixture(averages, weights, noise.clone(), self.settings.offset_range / 2)

    def _pieces(self, rows: torch.Tensor) -> Iterator[torch.Tensor]:
        """Cut rows into pieces of one optics group each."""
        groups = self.source.groups[rows]
        for group in sorted(set(groups.tolist())):
            yield from torch.split(rows[groups == group], self.settings.piece)


def _in_order(rows: torch.Tensor, found: list[tuple[torch.Tensor, Poses]]) -> Poses:
    """Put the poses of all pieces in the order of `rows`."""
    order = torch.argsort(torch.cat([piece for piece, _ in found]))[
        torch.argsort(torch.argsort(rows))
    ]
    return Poses(
        *(
            torch.cat([getattr(poses, field.name) for _, poses in found])[order]
            for field in fields(Poses)
        )
    )


def search_for(rings: int, grid: PolarGrid, settings: Settings) -> Search:
    """Give the search of an iteration; offsets lie a quarter of the finest period apart."""
    wide = rings <= WIDE_RINGS
    step = 2.0 if wide else 1.0
    offsets = disc(max(settings.offset_range, step) if wide else 1.5, step)
    turns = min(grid.turns, 64 if wide else 32 * -(-grid.turns * rings // grid.rings // 32))
    finely = settings.classes if rings <= COARSE_RINGS else FINELY
    return Search(rings, turns, offsets, 0.0 if wide else step**2, finely)


def is_local(search: Search) -> bool:
    """Tell whether offsets are searched about where each image was found before."""
    return search.rings > WIDE_RINGS
