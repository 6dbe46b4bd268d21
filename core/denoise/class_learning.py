"""The classes of a set, learned twice: each half of the particles gets what the other half taught.

A class average holds the noise of the images that it was made from. An image that was among them
would find its own noise there, and take it for signal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..compute.threads import shared
from ..sets.classes.engine import Engine, Settings
from ..sets.classes.learn import teach
from ..sets.classes.polar import EDGE, polar_grid
from ..sets.classes.views import joined, view
from ..sets.templates.known_views import KnownViews

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Executor

    from ..sets.classes.polar import PolarGrid
    from ..sets.classes.views import Views
    from ..sets.covariance.set_prior import SetPrior
    from ..signal.ctf import CtfParameters

FEWEST = 200
"""Images in each half from which on classes are learned."""
MOST = 4000
"""Images of each half that classes are learned from."""
ITERATIONS = 14
PER_CLASS = 2000.0
"""Energy of the signal, over the noise's per pixel, that a class needs in all its images."""
FEWEST_OF_CLASS = 17
"""Images of a half for each class, at least."""
CLASSES = (4, 100)
PART = 0.75
"""Diameter of the mask as a part of the image."""
OFFSETS = 0.06
"""Largest standard deviation of offsets that is looked for, as a part of the image."""
MISFIT = 1.3
"""Factor on the noise: what class averages leave of the particles is not as random as noise."""
_PIECE = 64


def learn_classes(
    images: torch.Tensor,
    ctf: CtfParameters | None,
    halves: torch.Tensor,
    priors: Sequence[SetPrior],
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> tuple[KnownViews, KnownViews] | None:
    """Learn what each half of the images may show from the other half.

    Parameters
    ----------
    images : (n, b, b)
        As the set's own estimates see them.
    ctf
        n of them; None where the set has none.
    halves : (n,)
        0 or 1.
    priors
        For images of half 0, what half 1 taught of mean and covariance, and the other way round.
    pool
        Whose threads share the work; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.

    Returns
    -------
    views
        Those for the images of half 0, and for those of half 1; None where images are too few.
    """
    taught = [(halves == half).nonzero()[:MOST, 0] for half in (1, 0)]
    if min(len(rows) for rows in taught) < FEWEST:
        return None
    box = images.shape[-1]
    grid = polar_grid(box, PART * box / 2 + EDGE)
    found = []
    for rows, prior in zip(taught, priors, strict=True):
        source = Sampled(images, ctf, rows, grid, prior.pixel_size, pool)
        classes = how_many_classes(len(rows), prior.signal)
        reach = max(2.0, OFFSETS * box)
        covariances = ring_covariances(prior, grid)
        settings = Settings(classes, reach, ITERATIONS, covariances=covariances)
        learned = teach(Engine(source, grid, settings, pool, tick), torch.arange(len(rows)))
        mixture = learned.mixture
        views = mixture.averages.clone()
        views[:, learned.search.rings :] = 0  # where nothing was learned
        found.append(
            KnownViews(
                views=views,
                noise=MISFIT * mixture.noise[0],
                box=box,
                pixel_size=prior.pixel_size,
                radius=PART * box / 2 + EDGE,
                offset_sd=float(mixture.offset_sd),
                empty=float(mixture.weights[-1]),
            )
        )
    return found[0], found[1]


def ring_covariances(prior: SetPrior, grid: PolarGrid) -> torch.Tensor:
    """Give what class averages of a set are expected to be; see `classes.maximisation.Prior`.

    A class average is a clean image like any other, so its covariance is that of the set. Learned
    from all images in all turns, it holds more than any class average alone can tell.
    """
    spectra = torch.fft.rfft(grid.sample(prior.components)).permute(2, 1, 0)
    covariances: torch.Tensor = (spectra @ spectra.mH).real / grid.turns
    return covariances[: grid.turns // 2]


def passes(images: int) -> int:
    """Give how often each of so many images is compared with classes, or with what they leave."""
    return ITERATIONS + 1 if images >= 2 * FEWEST else 0


def how_many_classes(images: int, signal: float) -> int:
    """Give the number of classes that so many images with so much signal can tell apart."""
    told_apart = min(images * signal / PER_CLASS, images / FEWEST_OF_CLASS)
    return int(np.clip(round(told_apart), *CLASSES))


class Sampled:
    """Some images as the engine asks for them, in memory."""

    def __init__(
        self,
        images: torch.Tensor,
        ctf: CtfParameters | None,
        rows: torch.Tensor,
        grid: PolarGrid,
        pixel_size: float,
        pool: Executor | None,
    ) -> None:
        def work(piece: torch.Tensor) -> Views:
            optics = None if ctf is None else ctf.take(piece.numpy())
            groups = np.zeros(len(piece), dtype=np.int64)
            return view(images[piece], grid, pixel_size, optics, groups)

        self._views = joined(list(shared(pool, work, torch.split(rows, _PIECE))))

    @property
    def groups(self) -> torch.Tensor:
        """(n,) all in one optics group."""
        return self._views.groups

    def views(self, rows: torch.Tensor) -> Views:
        """Give some of the images."""
        return self._views.take(rows)
