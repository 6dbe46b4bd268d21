"""Learn what a set of images that are in memory has in common, and how far to use it."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch

from ..compute.free_memory import return_free_memory
from ..compute.threads import one_thread_each, shared
from ..sets.covariance.fourier_bessel import fourier_bessel
from ..sets.covariance.learn import FEWEST, learn
from ..sets.covariance.set_prior import SetPrior
from ..signal.ctf import CtfParameters
from ..signal.fourier import fourier_resize
from .class_learning import learn_classes
from .estimators.estimator import Seen
from .estimators.network import Network
from .estimators.views import PosteriorMean, Told
from .fitting import usual_fits
from .given import Given
from .inference import Denoiser
from .known_set import CLASSES, STRUCTURE, KnownSet
from .learning_clock import Clock
from .lesson import PIECE, Lesson, lesson_of
from .reference_learning import fit_views, grid_of
from .structure_learning import enough, learn_structure
from .views import Geometry, geometry_of, set_view, working_view
from .weighing import weigh

NOTHING = Given()
FEWEST_OF_HALF = 50
"""Images in each half from which on it teaches a mean and covariance of its own."""


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
        lesson = lesson_of(images, pixel_size, ctf, working, contrast, pool)
        known = learn_from(lesson, denoiser.network, pool, given=given)
    return {} if known is None else {geometry_of(images.shape[-1], pixel_size): known}


def learn_prior(
    images: npt.NDArray[np.float32],
    pixel_size: float,
    ctf: CtfParameters | None,
    working_pixel_size: float,
) -> SetPrior | None:
    """Learn mean and covariance alone, of white particles; see `learn_set`.

    Parameters
    ----------
    images, pixel_size, ctf
        As there.
    working_pixel_size
        Å, of the network beside which the prior is to be used.
    """
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        lesson = lesson_of(images, pixel_size, ctf, working_pixel_size, 1, pool)
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


def learn_from(
    lesson: Lesson,
    network: Network,
    pool: Executor,
    tick: Callable[[int], None] = lambda count: None,
    given: Given = NOTHING,
    until: float = math.inf,
) -> KnownSet | None:
    """Learn all that there is to know of a set; None where it shows nothing, or is too small.

    Parameters
    ----------
    lesson
        Its images; their views are forgotten.
    network
        Gives the safe estimate.
    pool
        Whose threads share the work; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    given
        What the user knows of them.
    until
        On `time.monotonic`, when classes are given up that are not learned yet.
    """
    if len(lesson.views) < FEWEST:
        return None
    return_free_memory()
    prior = learn(lesson.views, lesson.ctf, lesson.pixel_size, pool)
    if prior is None:
        return None
    clock = Clock(tick, until)
    halves = _by_halves(lesson, lesson.views, pool)
    fourier_bessel.cache_clear()
    of_user = _given(lesson, given, prior, pool, tick)
    views, rests = _learned_views(lesson, prior, halves, pool, clock)
    lesson.forget_views()
    clock.tell()
    return_free_memory()
    known = KnownSet(prior, halves, views | of_user, rests)
    seen, sample = known.to(network.device), lesson.sample.to(network.device)
    seen = replace(seen, usual=usual_fits(seen, network, sample, pool, tick))
    weighed = weigh(seen, network, sample, pool, tick, lesson.others)
    return_free_memory()
    return seen.keeping(*(weighed or (None, None, None))).to("cpu")


def _learned_views(
    lesson: Lesson, prior: SetPrior, halves: tuple[SetPrior, ...], pool: Executor, clock: Clock
) -> tuple[dict[str, Told], tuple[SetPrior, ...]]:
    """Learn a structure; of too few images for one, classes and what they leave of the images."""
    if not halves:
        return {}, ()
    tick = clock.tick
    if enough(lesson):
        structure = clock.in_time(
            "its structure", lambda: learn_structure(lesson, prior, halves, pool, tick)
        )
        return ({STRUCTURE: structure} if structure else {}), ()
    classes = clock.in_time("its classes", lambda: learn_classes(lesson, halves, pool, tick))
    if not classes:
        return {}, ()
    rests = clock.in_time(
        "the details that its classes leave open", lambda: _rests(lesson, classes, pool, tick)
    )
    return {CLASSES: classes}, rests or ()


def _given(
    lesson: Lesson, given: Given, prior: SetPrior, pool: Executor, tick: Callable[[int], None]
) -> dict[str, Told]:
    """Fit what the user knows to the images."""
    grid = grid_of(prior.box)
    return {
        name: ((fit_views(
            given.views(number, grid, prior.pixel_size),
            lesson.views, lesson.ctf, prior, pool, tick,
        ),),)
        for number, name in enumerate(given.names)
    }  # fmt: skip


def _rests(
    lesson: Lesson,
    classes: Told,
    pool: Executor,
    tick: Callable[[int], None],
) -> tuple[SetPrior, ...]:
    """Learn what each half's classes leave of the other half; nothing where it is too little."""
    estimate = PosteriorMean("", classes)

    def left(rows: torch.Tensor) -> torch.Tensor:
        ctf = None if lesson.ctf is None else lesson.ctf.take(rows.numpy())
        images = lesson.views[rows].float()
        return images - estimate(Seen(images, lesson.pixel_size, ctf, lesson.halves[rows]))

    left_over = torch.empty_like(lesson.views, dtype=torch.float32)
    pieces = torch.split(torch.arange(len(left_over)), PIECE)
    for piece, found in zip(pieces, shared(pool, left, pieces), strict=True):
        left_over[piece] = found
        tick(len(piece))
    return _by_halves(lesson, left_over, pool)


def _by_halves(lesson: Lesson, images: torch.Tensor, pool: Executor) -> tuple[SetPrior, ...]:
    """Learn for each half of the images from the other half; nothing where they are too few."""
    found = []
    for half in (1, 0):
        rows = (lesson.halves == half).nonzero()[:, 0].numpy()
        prior = learn(images, lesson.ctf, lesson.pixel_size, pool, FEWEST_OF_HALF, rows)
        if prior is None:
            return ()
        found.append(prior)
    return tuple(found)
