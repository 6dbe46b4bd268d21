"""White or black particles: what a run takes them for, and what it tells of that."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np
import numpy.typing as npt

from ..denoise.batches import spread
from ..denoise.contrast import BINS, judge, radial_profiles
from ..images.mrc.reader import read_images
from ..images.output_plan import StackJob
from ..remarks import warn
from ..wording import counted

Profiles = npt.NDArray[np.float64]

MOST, EACH = 2048, 256
"""Images that are looked at in all, and of one stack, at most."""
STACKS = 128
"""Where there are more stacks than these, those of one folder are judged together."""
WORDS = {1: "white", -1: "black"}
"""Names of the signs of contrast."""


@dataclass(frozen=True)
class Looked:
    """Stacks that are judged together."""

    name: str
    """Name of the stack, or of the folder."""
    profiles: Profiles
    """(n, BINS), see `radial_profiles`."""


def look(jobs: Sequence[StackJob]) -> tuple[list[Looked], list[int]]:
    """Read a sample of the images of all stacks.

    Returns
    -------
    looked
        What was seen.
    places
        For each job, its place in `looked`.
    """
    few = len(jobs) <= STACKS
    # Images of one stack may be declared white and black: then they are two jobs.
    keys = [
        (job.name if few else str(PurePosixPath(job.name).parent), job.contrast) for job in jobs
    ]
    groups = list(dict.fromkeys(keys))
    each = min(EACH, max(1, MOST // len(groups)))
    seen = []
    for group in groups:
        mine = [job for job, key in zip(jobs, keys, strict=True) if key == group]
        parts = [
            radial_profiles(read_images(job.stack, job.indices[places]))
            for job, places in spread(mine, each)
        ]
        seen.append(Looked(group[0], np.concatenate([np.empty((0, BINS)), *parts])))
    places = {group: place for place, group in enumerate(groups)}
    return seen, [places[key] for key in keys]


def tell_contrast(looked: Sequence[Looked]) -> tuple[list[int], bool]:
    """Judge what nobody has said, and warn of what is doubtful or mixed.

    Returns
    -------
    signs
        1 for white and -1 for black particles, for each of `looked`.
    doubtful
        Whether the images left any of them open.
    """
    verdicts = judge([one.profiles for one in looked])
    signs = [verdict.sign for verdict in verdicts]
    for sign, word in WORDS.items():
        open_ones = [
            one for one, v in zip(looked, verdicts, strict=True) if v.doubtful and v.sign == sign
        ]
        if open_ones:
            warn(
                "Whether the particles are white or black cannot be told for certain from the "
                f"images{_of(open_ones, looked)}: they were taken for {word}. If the pictures or "
                "2D classes look inverted, run again with --contrast set to white or black."
            )
    if len({*signs}) > 1:
        dark = [one for one, sign in zip(looked, signs, strict=True) if sign == -1]
        warn(
            f"There are white and black particles: those of {_some(dark)} look black and the "
            "others white, and each was taken as it looks. If that is wrong, run again with "
            "--contrast set to white or black."
        )
    return signs, any(verdict.doubtful for verdict in verdicts)


def check_contrast(looked: Sequence[Looked], signs: Sequence[int], said_by: str) -> bool:
    """Warn where the images look the other way round than was said, and how certain that is.

    Parameters
    ----------
    looked
        What was seen.
    signs
        What was said of each, 1 or -1.
    said_by
        As in "--contrast says".

    Returns
    -------
    doubtful
        Whether any does.
    """
    turned = judge([sign * one.profiles for one, sign in zip(looked, signs, strict=True)])
    against = [
        (one, sign, verdict.doubtful)
        for one, sign, verdict in zip(looked, signs, turned, strict=True)
        if verdict.sign == -1
    ]
    for sign, word in WORDS.items():
        for doubtful, certainty in ((False, ","), (True, " (which is not certain),")):
            mine = [one for one, said, open_one in against if (said, open_one) == (-sign, doubtful)]
            if mine:
                warn(
                    f"The images{_of(mine, looked)} look {word}{certainty} the other way "
                    f"round than {said_by}, which was believed; if 2D classes look inverted too, "
                    f"run again with --contrast set to {word}."
                )
    return bool(against)


def _of(some: Sequence[Looked], of_all: Sequence[Looked]) -> str:
    return "" if len(some) == len(of_all) else f" of {_some(some)}"


def _some(some: Sequence[Looked]) -> str:
    first = some[0].name
    return first if len(some) == 1 else f"{counted(len(some), 'stack')} such as {first}"
