"""What the particles of a run have in common, learned before the first of them is denoised."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np
import torch

from ...compute.threads import one_thread_each
from ...denoise.set_learning import shown_to_prior
from ...denoise.stacks import spread
from ...denoise.views import set_of, sets_among
from ...errors import IceblockError
from ...images.mrc.reader import read_images
from ...progress import progress_bar
from ...sets.covariance.learn import FEWEST, learn
from ...sets.covariance.set_file import read_priors, write_priors
from ...signal.ctf import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    import numpy.typing as npt

    from ...denoise.views import Geometry
    from ...images.output_plan import StackJob
    from ...progress import Bar
    from ...sets.covariance.set_prior import SetPrior
    from ...signal.ctf import CtfParameters
    from .inputs import Work
    from .options import DenoiseOptions

SET = "set.safetensors"
"""File in the output folder that takes what was learned."""
MOST = 8000
"""Images of each set that are learned from."""

Shown = tuple[torch.Tensor, "CtfParameters | None"]


def know_sets(
    options: DenoiseOptions,
    work: Work,
    contrast: int,
    progress: TextIO | None,
    heartbeat: Callable[[], None],
) -> None:
    """Learn from the images of a run, unless an earlier pass has done so; `SET` keeps it.

    Parameters
    ----------
    options, work, contrast
        Of the run.
    progress
        Where a progress bar goes; None for silence.
    heartbeat
        Called often; may raise to stop.
    """
    folder, jobs = options.out, work.plan.jobs
    try:
        read_priors(folder / SET)
    except IceblockError:  # not there, or damaged: it is made (again)
        pass
    else:
        return
    sets = jobs_of_sets(jobs)
    counts = {key: sum(len(job.indices) for job in mine) for key, mine in sets.items()}
    enough = {key: min(MOST, count) for key, count in counts.items() if count >= FEWEST}
    learned = {}
    with _bar(sum(enough.values()), progress) as bar:
        for key in enough:

            def tick(done: int) -> None:
                bar.update(done)
                heartbeat()

            prior = _learn(key, sets[key], work, contrast, tick)
            heartbeat()
            if prior is not None:
                learned[key] = prior
    write_priors(folder / SET, learned)


def known_sets(options: DenoiseOptions) -> dict[Geometry, SetPrior]:
    """Give what `know_sets` learned, by the geometry of the images.

    Raises
    ------
    IceblockError
        If its file is gone or damaged: without it the result would be another one.
    """
    if options.each_alone:
        return {}
    try:
        return read_priors(options.out / SET)
    except IceblockError as error:
        raise IceblockError(
            f"{options.out / SET} was learned by this run and cannot be read any more; give the "
            "same command again"
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


def _learn(
    key: Geometry,
    jobs: Sequence[StackJob],
    work: Work,
    contrast: int,
    tick: Callable[[int], None],
) -> SetPrior | None:
    """Learn from images spread over all stacks of one set, as the network sees them."""
    working, (box, pixel_size) = work.model.card.working_pixel_size, key

    def show(piece: tuple[StackJob, npt.NDArray[np.int64]]) -> Shown:
        job, places = piece
        raw = read_images(job.stack, job.indices[places])
        shown, usable = shown_to_prior(raw, pixel_size, job.contrast or contrast, working)
        if work.ctf is None:
            return shown, None
        ctf = work.ctf.take(job.rows[places][usable]).with_pixels(pixel_size / job.pixel_size)
        known = np.flatnonzero(ctf.known)
        return shown[torch.from_numpy(known)], ctf.take(known)

    pieces = list(spread(jobs, MOST))
    parts: list[Shown] = []
    with ThreadPoolExecutor(torch.get_num_threads()) as pool, one_thread_each():
        try:
            for piece, part in zip(pieces, pool.map(show, pieces), strict=True):
                parts.append(part)
                tick(len(piece[1]))
        except BaseException:
            pool.shutdown(cancel_futures=True)  # a run that is stopped ends now
            raise
        images = torch.cat([images for images, _ in parts])
        optics = [ctf for _, ctf in parts if ctf is not None]
        parts.clear()  # the images are in memory once
        if len(images) < FEWEST:
            return None
        ctf = joined(optics) if optics else None
        return learn(images, ctf, box * pixel_size / images.shape[-1], pool)


def _bar(total: int, progress: TextIO | None) -> Bar:
    return progress_bar(total, "img", "learning the set", progress if total else None)


def described(priors: Mapping[Geometry, SetPrior]) -> list[dict[str, Any]]:
    """Say for the record what was learned."""
    return [
        {
            "box": box,
            "pixel_size": pixel_size,
            "learned_from": prior.count,
            "components": len(prior.components),
            "share": round(prior.trust(), 3),
        }
        for (box, pixel_size), prior in priors.items()
    ]
