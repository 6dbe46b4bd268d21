"""Where the CTFs of simulated particles come from: a range, or the rows of a user's particles."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from ..errors import IceblockError
from ..images.particles import ParticleSet
from ..signal.ctf import CtfParameters, random_ctf
from ..signal.ctf_ranges import first_odd


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

    Raises
    ------
    IceblockError
        For a row whose values are no numbers, or cannot be true.
    """
    columns = particles.ctf()
    if columns is None:
        return None
    if place := first_odd(columns):
        row, name = place
        raise IceblockError(
            f"{particles.source}: the {name.replace('_', ' ')} of row {row + 1} is "
            f"{columns[name][row]:g}, which gives no CTF; correct the row or take it out."
        )
    return CtfRows(CtfParameters(**columns))
