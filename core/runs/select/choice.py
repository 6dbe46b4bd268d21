"""Which particles are kept, and the words for it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from ...images.particle_set import ParticleSet
from ...images.star.document import StarFile
from ...images.star.tokens import unquote
from ...remarks import warn
from ...sets.curate.border import Border
from ...wording import counted
from .options import SelectOptions

Floats = npt.NDArray[np.float64]

MARK = "_rlnIceblockMark"
"""1 for particles to keep and 0 for others, in the file that the gallery gives."""


@dataclass(frozen=True)
class Choice:
    """What is kept.

    Attributes
    ----------
    kept : (N,)
        Of all particles.
    border
        The score from which on particles are kept; None where they were not chosen by score.
    words
        How they were chosen.
    """

    kept: npt.NDArray[np.bool_]
    border: float | None
    words: str


def choose(
    options: SelectOptions,
    particles: ParticleSet,
    scores: Floats,
    unfit: npt.NDArray[np.bool_],
    border: Border | None,
) -> Choice:
    """Choose particles as the options ask for.

    Parameters
    ----------
    options, particles
        Of the run.
    scores, unfit : (N,)
        Of all particles; the unfit are contaminated, or their images cannot be used.
    border
        Between two populations of scores; None where there is only one.
    """
    if options.marks is not None:
        return Choice(_marked(options.marks, particles), None, f"marked in {options.marks.name}")
    if options.classes is not None:
        return _of_classes(options, particles)
    if options.min_score is not None:
        limit = options.min_score
        return Choice(scores >= limit, limit, f"a score of {limit:g} or more")
    if options.keep is not None:
        count = max(1, round(options.part() * len(scores)))
        order = np.argsort(-scores, kind="stable")
        kept = np.zeros(len(scores), dtype=bool)
        kept[order[:count]] = True
        return Choice(kept, float(scores[order[count - 1]]), f"the best {options.keep}")
    if border is not None:
        kept = (scores >= border.score) & ~unfit
        return Choice(kept, border.score, f"above the border between two populations, "
                      f"{border.score:.3f}")  # fmt: skip
    return Choice(~unfit, None, "all without contamination: the scores show one population")


def _of_classes(options: SelectOptions, particles: ParticleSet) -> Choice:
    numbers = options.class_numbers()
    known = particles.classes
    if known is None:
        raise IceblockError(
            f"{options.particles} has no 2D classes; classify the particles first, with "
            "`iceblock classify` or in the program that the file comes from"
        )
    strange = sorted(set(numbers) - set(known.tolist()))
    if strange:
        warn(f"{options.particles} has no particle in class {', '.join(map(str, strange))}")
    return Choice(np.isin(known, numbers), None, f"classes {options.classes}")


def _marked(path: Path, particles: ParticleSet) -> npt.NDArray[np.bool_]:
    """Read marks; particles that the file does not name are kept."""
    star = StarFile.read(path)
    table = star.find(MARK)
    if table is None or "_rlnImageName" not in table:
        raise IceblockError(
            f"{path} holds no marks ({MARK[1:]} with rlnImageName); give the file that the "
            "gallery's Export button made"
        )
    marks = dict(
        zip(map(unquote, table.column("_rlnImageName")), table.integers(MARK) > 0, strict=True)
    )
    names = [unquote(name) for name in particles.names]
    strangers = sum(name not in marks for name in names)
    if strangers == len(names):
        raise IceblockError(
            f"{path} names none of the particles of {particles.source}; give the marks that were "
            "made in the gallery of the same particles"
        )
    if strangers:
        warn(f"{path} does not name {counted(strangers, 'particle')}: they are kept")
    return np.array([bool(marks.get(name, True)) for name in names])
