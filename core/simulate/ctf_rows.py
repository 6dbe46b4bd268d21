"""Where the CTFs of simulated particles come from: a range, or the rows of a user's particles."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..images.particles import ParticleSet
from ..remarks import warn
from ..signal.ctf import CtfParameters, random_ctf
from ..signal.ctf_ranges import odd_rows, odd_words


class CtfSource(Protocol):
    """Anything that gives CTF parameters."""

    @property
    def defocus_range(self) -> tuple[float, float]:
        """Least and largest mean defocus, Å."""
        ...

    def draw(self, rng: np.random.Generator, n: int) -> CtfParameters:
        """Return n parameters, reproducible from the generator's state."""
        ...


class RandomCtf:
    """CTFs as today's microscopes give them; see `random_ctf`.

    Parameters
    ----------
    defocus_range
        Å.
    """

    def __init__(self, defocus_range: tuple[float, float]) -> None:
        self.defocus_range = defocus_range

    def draw(self, rng: np.random.Generator, n: int) -> CtfParameters:
        """Draw n parameters."""
        return random_ctf(rng, n, self.defocus_range)


class CtfRows:
    """The CTFs of given particles, drawn at random with replacement.

    Parameters
    ----------
    parameters
        At least one.
    """

    def __init__(self, parameters: CtfParameters) -> None:
        self.parameters = parameters

    @property
    def defocus_range(self) -> tuple[float, float]:
        """Least and largest mean defocus, Å."""
        mean = (self.parameters.defocus_u + self.parameters.defocus_v) / 2
        return float(mean.min()), float(mean.max())

    def draw(self, rng: np.random.Generator, n: int) -> CtfParameters:
        """Draw n rows."""
        return self.parameters.take(rng.integers(len(self.parameters), size=n))


def ctf_rows(particles: ParticleSet) -> CtfRows | None:
    """Take the CTFs of a set of particles; None where it has none.

    Rows whose values are no numbers, or cannot be true, are left out with a warning.
    """
    columns = particles.ctf()
    if columns is None:
        return None
    if said := odd_words(columns):
        warn(f"{particles.source}: {said}; simulated particles take none from there.")
    sound = np.flatnonzero(~odd_rows(columns))
    return CtfRows(CtfParameters(**columns).take(sound)) if len(sound) else None
