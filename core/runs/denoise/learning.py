"""What the particles of a run have in common, learned before the first of them is denoised."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from ...compute.threads import thread_pool
from ...denoise.set_learning import shown_to_prior
from ...denoise.stacks import spread
from ...denoise.views import set_of, sets_among
from ...errors import IceblockError
from ...images.mrc.reader import read_images
from ...sets.covariance.learn import FEWEST, learn
from ...sets.covariance.set_file import read_priors, write_priors
from ...signal.ctf import joined

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence
    from pathlib import Path

    import numpy.typing as npt

    from ...console import Console
    from ...denoise.views import Geometry
    from ...images.output_plan import StackJob
    from ...sets.covariance.set_prior import SetPrior
    from ...signal.ctf import CtfParameters
    from .options import DenoiseOptions

SET = "set.safetensors"
"""File in the output folder that takes what was learned."""
MOST = 8000
"""Images of each set that are learned from."""

Piece = tuple[torch.Tensor, "CtfParameters | None"]


def learn_sets(
    folder: Path,
    jobs: Sequence[StackJob],
    ctf: CtfParameters | None,
    working_pixel_size: float,
    console: Console,
) -> None:
    """Learn from the images of a run, unless an earlier pass has done so; `SET` keeps it.

    Parameters
    ----------
    folder
        Of the run.
    jobs, ctf
        Of all particles; each job has its contrast.
    working_pixel_size
        Of the model, Å.
    console
        Of the run.
    """
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
    with console.bar(sum(enough.values()), "img", "learning the set") as bar:
        for key in enough:
            shown = Shown(sets[key], key, ctf, working_pixel_size)
            prior = _learn(shown, bar.advance)
            console.heartbeat()
            if prior is not None:
                learned[key] = prior
    write_priors(folder / SET, learned)


def learned_sets(options: DenoiseOptions) -> dict[Geometry, SetPrior]:
    """Give what `learn_sets` learned, by the geometry of the images.

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


@dataclass(frozen=True)
class Shown:
    """The images of one set, as what learns from them sees them."""

    jobs: Sequence[StackJob]
    geometry: Geometry
    ctf: CtfParameters | None
    working_pixel_size: float
    """Å."""

    def piece(self, place: tuple[StackJob, npt.NDArray[np.int64]]) -> Piece:
        """Give images of a stack, and their CTFs where these are known."""
        job, places = place
        pixel_size = self.geometry[1]
        raw = read_images(job.stack, job.indices[places])
        images, usable = shown_to_prior(raw, pixel_size, job.contrast or 1, self.working_pixel_size)
        if self.ctf is None:
            return images, None
        ctf = self.ctf.take(job.rows[places][usable]).with_pixels(pixel_size / job.pixel_size)
        known = np.flatnonzero(ctf.known)
        return images[torch.from_numpy(known)], ctf.take(known)


def _learn(shown: Shown, tick: Callable[[int], None]) -> SetPrior | None:
    """Learn from images spread over all stacks of one set."""
    pieces = list(spread(shown.jobs, MOST))
    parts: list[Piece] = []
    box, pixel_size = shown.geometry
    with thread_pool() as pool:
        for piece, part in zip(pieces, pool.map(shown.piece, pieces), strict=True):
            parts.append(part)
            tick(len(piece[1]))
        images = torch.cat([images for images, _ in parts])
        optics = [ctf for _, ctf in parts if ctf is not None]
        parts.clear()  # the images are in memory once
        if len(images) < FEWEST:
            return None
        ctf = joined(optics) if optics else None
        return learn(images, ctf, box * pixel_size / images.shape[-1], pool)


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
