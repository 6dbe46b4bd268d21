"""Learn what a set of images that are in memory has in common, and how far to use it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import torch

from ..compute.threads import one_thread_each, shared
from ..sets.covariance.learn import FEWEST, learn
from ..signal.ctf import joined as joined_ctf
from ..signal.fourier import fourier_resize
from ..signal.outliers import without_outliers
from .class_learning import learn_classes
from .estimators.estimator import Seen, joined, keys_of
from .estimators.views import PosteriorMean
from .given import Given
from .known_set import KnownSet
from .reference_learning import fit_views, grid_of
from .views import geometry_of, normalised, set_view, working_view
from .weighing import how_many, weigh

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import Executor

    import numpy.typing as npt

    from ..sets.covariance.set_prior import SetPrior
    from ..sets.templates.known_views import KnownViews
    from ..signal.ctf import CtfParameters
    from .estimators.network import Network
    from .inference import Denoiser
    from .views import Geometry

_PIECE = 8
NOTHING = Given()
FEWEST_OF_HALF = 50
"""Images in each half from which on it teaches a mean and covariance of its own."""

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


def learn_set(
    denoiser: Denoiser,
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    contrast: int = 1,
    given: Given = NOTHING,
) -> dict[Geometry, KnownSet]:
    """Learn from raw images what `Denoiser` takes as `sets`; nothing where they are too few.

    Parameters
    ----------
    denoiser
        Whose network gives the safe estimate.
    images : (n, box, box) float32
    pixel_size
        Å.
    ctf
        n of them; None where the set has none.
    contrast
        1 for white particles, -1 for black ones.
    given
        What the user knows of them.
    """
    working = denoiser.model.card.working_pixel_size
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        lesson = _lesson(images, pixel_size, ctf, working, contrast, pool)
        known = learn_from(lesson, denoiser.network, pool, given=given)
    return {} if known is None else {geometry_of(images.shape[-1], pixel_size): known}


def learn_prior(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    working_pixel_size: float,
    contrast: int = 1,
) -> SetPrior | None:
    """Learn mean and covariance alone; see `learn_set`.

    Parameters
    ----------
    images, pixel_size, ctf, contrast
        As there.
    working_pixel_size
        Å, of the network beside which the prior is to be used.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        lesson = _lesson(images, pixel_size, ctf, working_pixel_size, contrast, pool)
        return learn(lesson.views, lesson.ctf, lesson.pixel_size, pool)


def linear_estimate(
    images: torch.Tensor,
    pixel_size: float,
    ctf: CtfParameters | None,
    prior: SetPrior,
    working_pixel_size: float,
) -> torch.Tensor:
    """Give the prior's own estimate of normalised images (n, box, box), without a network's."""
    seen, sd = working_view(images, pixel_size, working_pixel_size)
    view, further = set_view(seen)
    return fourier_resize(prior.estimate(view, ctf) * further * sd, images.shape[-1])


def _lesson(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    working_pixel_size: float,
    contrast: int,
    pool: Executor,
) -> Lesson:
    def show(start: int) -> Seen:
        rows = np.arange(start, min(start + _PIECE, len(images)))
        optics = None if ctf is None else ctf.take(rows)
        return shown(images[rows], pixel_size, contrast, working_pixel_size, optics)[0]

    return Lesson(pool.map(show, range(0, len(images), _PIECE)), len(images))


class Lesson:
    """What is kept of a set's images to learn from.

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
            views.append(set_view(piece.images)[0])
            optics.append(piece.ctf)
            halves.append(piece.halves)
            self.pixel_size = piece.pixel_size * box / views[-1].shape[-1]
        self.views = torch.cat(views)
        """(n, b, b) all images, as the set's own estimates see them."""
        self.halves = torch.cat(halves)
        """(n,)."""
        self.sample = joined(chosen)
        """Images that weights are told from, spread evenly over all."""
        alike = self.views.shape[-1] == self.sample.images.shape[-1]
        self.others = self.views[torch.cat(rest)] if alike else None
        """The other images where estimators see them as large; None elsewhere."""
        known = [ctf for ctf in optics if ctf is not None]
        self.ctf = joined_ctf(known) if known else None


def learn_from(
    lesson: Lesson,
    network: Network,
    pool: Executor,
    tick: Callable[[int], None] = lambda count: None,
    given: Given = NOTHING,
) -> KnownSet | None:
    """Learn all that there is to know of a set; None where it shows nothing, or is too small.

    Parameters
    ----------
    lesson
        Its images.
    network
        Gives the safe estimate.
    pool
        Whose threads share the work; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    given
        What the user knows of them.
    """
    if len(lesson.views) < FEWEST:
        return None
    prior = learn(lesson.views, lesson.ctf, lesson.pixel_size, pool)
    if prior is None:
        return None
    device = network.device
    halves = _by_halves(lesson, lesson.views, pool)
    classes = _classes(lesson, halves, pool, tick) if halves else ()
    rests = _rests(lesson, classes, pool, tick) if classes else ()
    views = _given(lesson, given, prior, pool, tick)
    known = KnownSet(prior, halves, classes, rests, views)
    weighed = weigh(known.to(device), network, lesson.sample.to(device), pool, tick, lesson.others)
    return known.keeping(*(weighed or (None, None)))


def _classes(
    lesson: Lesson, halves: tuple[SetPrior, ...], pool: Executor, tick: Callable[[int], None]
) -> tuple[KnownViews, ...]:
    """Learn the classes of each half from the other half; nothing where images are too few."""
    return learn_classes(lesson.views, lesson.ctf, lesson.halves, halves, pool, tick) or ()


def _given(
    lesson: Lesson, given: Given, prior: SetPrior, pool: Executor, tick: Callable[[int], None]
) -> dict[str, KnownViews]:
    """Fit what the user knows to the images."""
    grid = grid_of(prior.box)
    return {
        name: fit_views(
            given.views(number, grid, prior.pixel_size),
            lesson.views, lesson.ctf, prior, pool, tick,
        )
        for number, name in enumerate(given.names)
    }  # fmt: skip


def _rests(
    lesson: Lesson,
    classes: tuple[KnownViews, ...],
    pool: Executor,
    tick: Callable[[int], None],
) -> tuple[SetPrior, ...]:
    """Learn what each half's classes leave of the other half; nothing where it is too little."""
    estimate = PosteriorMean("", classes)

    def left(rows: torch.Tensor) -> torch.Tensor:
        ctf = None if lesson.ctf is None else lesson.ctf.take(rows.numpy())
        images = lesson.views[rows]
        return images - estimate(Seen(images, lesson.pixel_size, ctf, lesson.halves[rows]))

    left_over, pieces = [], torch.split(torch.arange(len(lesson.views)), _PIECE)
    for piece, found in zip(pieces, shared(pool, left, pieces), strict=True):
        left_over.append(found)
        tick(len(piece))
    return _by_halves(lesson, torch.cat(left_over), pool)


def _by_halves(lesson: Lesson, images: torch.Tensor, pool: Executor) -> tuple[SetPrior, ...]:
    """Learn for each half of the images from the other half; nothing where they are too few."""
    found = []
    for half in (1, 0):
        rows = (lesson.halves == half).nonzero()[:, 0]
        ctf = None if lesson.ctf is None else lesson.ctf.take(rows.numpy())
        prior = learn(images[rows], ctf, lesson.pixel_size, pool, FEWEST_OF_HALF)
        if prior is None:
            return ()
        found.append(prior)
    return tuple(found)
