"""Learn the class averages of a set by expectation-maximisation."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Protocol

import torch

from ...threads import shared
from .expectation import Comparison, Poses
from .maximisation import Prior, maximise, reborn
from .mixture import Mixture, Statistics
from .search import COARSE_RINGS, Search, disc, templates

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from concurrent.futures import Executor

    from .polar import PolarGrid
    from .views import Views

PIECE = 256
"""Images that one thread works on at a time."""
FIRST_RINGS = 6
WIDE_RINGS = 14
"""Up to here the whole range of offsets is searched, beyond it the neighbourhood of the last."""
FINELY = 3
"""Classes that an image is compared with on all rings."""
BATCH = 20_000
"""Images of one iteration; a larger set is learned from in random batches."""
DECAY = 0.6
"""Part of what earlier batches have shown that still counts."""
FIRST_IMAGES = 100
"""Images for the first average of each class."""
LAST_BIRTH = 0.7
"""Part of the iterations after which empty classes stay empty."""
SHOWN = 0.3
"""Mean power of the averages over that of their noise, on a ring that shows a signal."""


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
    iterations
        Passes over the images.
    seed
        Of the first averages.
    prior_width
        See `Prior`.
    """

    classes: int
    offset_range: float
    iterations: int = 25
    seed: int = 0
    prior_width: float = 2.0


@dataclass(frozen=True)
class Learned:
    """What a set has taught.

    Attributes
    ----------
    mixture
        The averages.
    poses
        Of all images.
    halves : (2, classes, rings, turns)
        Averages without a prior of two halves of the images.
    counts : (classes + 1,)
        Images in each class, the last being the empty ones.
    log_likelihoods
        Mean over the images in every iteration, over that of noise alone.
    """

    mixture: Mixture
    poses: Poses
    halves: torch.Tensor
    counts: torch.Tensor
    log_likelihoods: list[float]


def learn(
    source: Source,
    usable: torch.Tensor,
    grid: PolarGrid,
    settings: Settings,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> Learned:
    """Learn class averages, and where every image belongs.

    Parameters
    ----------
    source
        The images.
    usable : (m,)
        Rows that are learned from; the others only get their place at the end.
    grid
        Where images are sampled.
    settings
        How.
    pool
        Whose threads share the images; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    """
    generator = torch.Generator().manual_seed(settings.seed)
    prior = Prior(settings.prior_width, settings.offset_range)
    engine = _Engine(source, grid, settings, pool, tick)
    mixture = engine.first(usable, generator)
    now = torch.full((len(source.groups), 2), torch.nan)
    rings, told, kept = FIRST_RINGS, [], None
    for iteration in range(settings.iterations):
        rows = _batch(usable, generator)
        search = _search(rings, grid, settings)
        seen, poses = engine.run(mixture, search, rows, now)
        if _local(search):
            now[rows] = poses.offsets
        steady = len(rows) < len(usable) and iteration > settings.iterations // 3
        kept = seen + kept.scaled(DECAY) if steady and kept is not None else seen
        mixture, ratio = maximise(kept, mixture, prior, grid)
        told.append(float(seen.log_likelihood) / len(rows))
        if iteration < LAST_BIRTH * settings.iterations:
            mixture, _ = reborn(mixture, seen.counts[:-1], generator)
        rings = _rings(ratio, rings, grid.rings)
    return _placed(engine, mixture, _search(rings, grid, settings), usable, now, told)


def _placed(
    engine: _Engine,
    mixture: Mixture,
    search: Search,
    usable: torch.Tensor,
    now: torch.Tensor,
    told: list[float],
) -> Learned:
    """Give every image its place, and average both halves of those that were learned from."""
    n = len(now)
    left_out = torch.ones(n, dtype=torch.bool)
    left_out[usable] = False
    parts = [usable[::2], usable[1::2], left_out.nonzero()[:, 0]]
    found = [(rows, *engine.run(mixture, search, rows, now)) for rows in parts if len(rows)]
    whole: dict[str, torch.Tensor] = {}
    for rows, _, poses in found:
        for field in fields(Poses):
            values = getattr(poses, field.name)
            empty = torch.zeros((n, *values.shape[1:]), dtype=values.dtype)
            whole.setdefault(field.name, empty)[rows] = values
    halves = [seen.signal / seen.precision.clamp(min=1e-12)[..., None] for _, seen, _ in found[:2]]
    return Learned(
        mixture=mixture,
        poses=Poses(**whole),
        halves=torch.stack(halves),
        counts=torch.stack([seen.counts for _, seen, _ in found]).sum(0),
        log_likelihoods=told,
    )


class _Engine:
    """Goes through images on several threads, always with the same result."""

    def __init__(
        self,
        source: Source,
        grid: PolarGrid,
        settings: Settings,
        pool: Executor | None,
        tick: Callable[[int], None],
    ) -> None:
        self._source, self._grid, self._settings = source, grid, settings
        self._pool, self._tick = pool, tick

    def run(
        self, mixture: Mixture, search: Search, rows: torch.Tensor, now: torch.Tensor
    ) -> tuple[Statistics, Poses]:
        """Compare images with a mixture; what the poses of `rows` are, and what they add up to."""
        known = templates(mixture, search, self._grid)
        wide = _search(WIDE_RINGS, self._grid, self._settings)
        first = templates(mixture, wide, self._grid) if _local(search) else None

        def work(piece: torch.Tensor) -> tuple[torch.Tensor, Statistics, Poses]:
            views = self._source.views(piece)
            start = torch.zeros(len(piece), 2)
            if first is not None:
                start = now[piece]
                if bool(start.isnan().any()):
                    origin = Comparison(views, torch.zeros_like(start), mixture, self._grid)
                    start = origin.fit(wide, first)[1].offsets
            return piece, *Comparison(views, start, mixture, self._grid).fit(search, known)

        total: Statistics | None = None
        found = []
        for piece, seen, poses in shared(self._pool, work, self._pieces(rows)):
            total = seen if total is None else total + seen
            found.append((piece, poses))
            self._tick(len(piece))
        assert total is not None
        return total, _in_order(rows, found)

    def first(self, usable: torch.Tensor, generator: torch.Generator) -> Mixture:
        """Average random images, as they lie, for each class."""
        classes = self._settings.classes
        count = min(len(usable), FIRST_IMAGES * classes)
        rows = usable[torch.randperm(len(usable), generator=generator)[:count]]
        belongs = torch.zeros(len(self._source.groups), dtype=torch.long)
        belongs[rows] = torch.arange(len(rows)) % classes
        groups = int(self._source.groups.max()) + 1

        def work(piece: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
            views = self._source.views(piece)
            member = torch.nn.functional.one_hot(belongs[piece], classes).float().T
            samples = torch.tensordot(member, views.samples, dims=1)
            return samples, member @ views.transfer, views.power.sum(0)

        parts = list(shared(self._pool, work, self._pieces(rows)))
        signal, precision, power = (
            sum(part[1:], start=part[0]) for part in zip(*parts, strict=True)
        )
        noise = (power / len(rows) / self._grid.mask_power).expand(groups, -1)
        precision = precision / noise[0]
        averages = (signal / noise[0][:, None]) / (precision + 1 / noise[0])[..., None]
        averages = self._grid.sample(self._grid.images(averages))
        averages[:, FIRST_RINGS:] = 0
        weights = torch.full((classes + 1,), 1 / (classes + 1))
        return Mixture(averages, weights, noise.clone(), self._settings.offset_range / 2)

    def _pieces(self, rows: torch.Tensor) -> Iterator[torch.Tensor]:
        """Cut rows into pieces of one optics group each."""
        groups = self._source.groups[rows]
        for group in sorted(set(groups.tolist())):
            yield from torch.split(rows[groups == group], PIECE)


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


def _batch(usable: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Draw the images of one iteration, in rising order."""
    if len(usable) <= BATCH:
        return usable
    return usable[torch.randperm(len(usable), generator=generator)[:BATCH].sort().values]


def _search(rings: int, grid: PolarGrid, settings: Settings) -> Search:
    """Give the search of an iteration; offsets lie a quarter of the finest period apart."""
    wide = rings <= WIDE_RINGS
    step = 2.0 if wide else 1.0
    offsets = disc(max(settings.offset_range, step) if wide else 1.5, step)
    turns = min(grid.turns, 64 if wide else 32 * -(-grid.turns * rings // grid.rings // 32))
    finely = settings.classes if rings <= COARSE_RINGS else FINELY
    return Search(rings, turns, offsets, step**2, finely)


def _local(search: Search) -> bool:
    return search.rings > WIDE_RINGS


def _rings(ratio: torch.Tensor, former: int, most: int) -> int:
    """Give the rings of the next iteration: somewhat more than those that show a signal."""
    shown = (ratio.mean(0) > SHOWN).nonzero()
    last = int(shown[-1]) + 1 if len(shown) else 0
    return max(FIRST_RINGS, min(last + 3, former + 2, most))
