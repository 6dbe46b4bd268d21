"""What the particles of a run have in common, learned before the first of them is denoised."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ...compute.threads import thread_pool
from ...console import Console
from ...denoise.batches import spread
from ...denoise.class_learning import passes
from ...denoise.estimators.estimator import Seen
from ...denoise.estimators.network import Network
from ...denoise.fitting import how_many_fits
from ...denoise.given import Given
from ...denoise.known_set import KnownSet
from ...denoise.known_set_file import SET, WEIGHTS, read_sets, write_sets
from ...denoise.lesson import Lesson, shown
from ...denoise.reference_learning import how_many_fitted
from ...denoise.set_learning import learn_from
from ...denoise.structure_learning import looks
from ...denoise.views import Geometry, set_of, sets_among, working_box
from ...denoise.weighing import how_many
from ...errors import IceblockError
from ...images.mrc.reader import read_images
from ...images.output_plan import StackJob
from ...sets.covariance.learn import FEWEST
from ...signal.ctf import CtfParameters
from .options import DenoiseOptions

__all__ = ["SET", "WEIGHTS"]

MOST = 20_000
"""Images of each set that are learned from."""


def given_by(options: DenoiseOptions) -> Given:
    """Give what the user knows of the particles."""
    return Given(options.volumes, options.classes, options.project_dir)


def learn_sets(
    options: DenoiseOptions,
    jobs: Sequence[StackJob],
    ctf: CtfParameters | None,
    network: Network,
    working_pixel_size: float,
    console: Console,
) -> bool:
    """Learn from the images of a run, unless an earlier pass has done so; `SET` keeps it.

    Parameters
    ----------
    options
        Of the run.
    jobs, ctf
        Of all particles; each job has its contrast.
    network
        Gives the safe estimate.
    working_pixel_size
        Of the network, Å.
    console
        Of the run.

    Returns
    -------
    learned
        Whether something was learned now.
    """
    try:
        read_sets(options.out)
    except IceblockError:  # not there, or damaged: it is made (again)
        pass
    else:
        return False
    given, until = given_by(options), math.inf
    if options.learn_minutes is not None:
        until = time.monotonic() + 60 * options.learn_minutes
    sets = jobs_of_sets(jobs)
    counts = {key: sum(len(job.indices) for job in mine) for key, mine in sets.items()}
    enough = {key: min(MOST, count) for key, count in counts.items() if count >= FEWEST}
    learned = {}
    total = sum(
        count
        + (looks(count) or count * passes(count))
        + len(given.names) * how_many_fitted(count)
        + how_many_fits(count)
        + min(count, how_many(working_box(*key, working_pixel_size)))
        for key, count in enough.items()
    )
    with console.bar(total, "img", "learning the set") as bar:
        for key in enough:
            images = Shown(sets[key], key, ctf, working_pixel_size)
            known = _learn(images, network, bar.advance, given, until)
            console.heartbeat()
            if known is not None:
                learned[key] = known
    write_sets(options.out, learned)
    return bool(learned)


def learned_sets(options: DenoiseOptions) -> dict[Geometry, KnownSet]:
    """Give what `learn_sets` learned, by the geometry of the images.

    Raises
    ------
    IceblockError
        If its file is gone or damaged: without it the result would be another one.
    """
    if options.each_alone:
        return {}
    try:
        return read_sets(options.out)
    except IceblockError as error:
        raise IceblockError(
            f"{options.out / SET} and {WEIGHTS} were learned by this run and cannot be read any "
            "more; give the same command again"
        ) from error


def jobs_of_sets(
    jobs: Sequence[StackJob], known: Collection[Geometry] = ()
) -> dict[Geometry, list[StackJob]]:
    """Sort stacks by the sets of their images: known ones, or else those that they make."""
    kinds = [(job.stack.box_x, job.pixel_size) for job in jobs]
    made = sets_among(kind for kind in kinds if set_of(known, *kind) is None)
    sets: dict[Geometry, list[StackJob]] = {key: [] for key in sorted({*known, *made})}
    for job, kind in zip(jobs, kinds, strict=True):
        key = set_of(known, *kind) or set_of(made, *kind)
        assert key is not None
        sets[key].append(job)
    return sets


@dataclass(frozen=True)
class Shown:
    """The images of one set, as what learns from them sees them."""

    jobs: Sequence[StackJob]
    geometry: Geometry
    ctf: CtfParameters | None
    working_pixel_size: float
    """Å."""

    def piece(self, place: tuple[StackJob, npt.NDArray[np.int64]]) -> Seen:
        """Give images of a stack, those that can be used."""
        job, places = place
        pixel_size, ctf = self.geometry[1], None
        raw = read_images(job.stack, job.indices[places])
        if self.ctf is not None:
            ctf = self.ctf.take(job.rows[places]).with_pixels(pixel_size / job.pixel_size)
        return shown(raw, pixel_size, job.contrast or 1, self.working_pixel_size, ctf)[0]


def _learn(
    images: Shown, network: Network, tick: Callable[[int], None], given: Given, until: float
) -> KnownSet | None:
    """Learn from images spread over all stacks of one set."""
    pieces = list(spread(images.jobs, MOST))
    with thread_pool() as pool:

        def read() -> Iterator[Seen]:
            for piece, seen in zip(pieces, pool.map(images.piece, pieces), strict=True):
                yield seen
                tick(len(piece[1]))

        lesson = Lesson(read(), sum(len(places) for _, places in pieces))
        return learn_from(lesson, network, pool, tick, given, until)


def described(sets: Mapping[Geometry, KnownSet]) -> list[dict[str, Any]]:
    """Say for the record what was learned."""
    return [
        {
            "box": box,
            "pixel_size": pixel_size,
            "learned_from": known.prior.count,
            "components": len(known.prior.components),
            "shares": known.shares(),
            "evidence": known.evidence and known.evidence.plain(),
        }
        for (box, pixel_size), known in sets.items()
    ]
