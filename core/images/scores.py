"""How far images show a particle, for the tables of particles."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Scores:
    """What is known of N particles.

    Attributes
    ----------
    score : (N,)
        0 to 1, by which particles are kept.
    evidence : (N,)
        Natural logarithm of the likelihood that a particle is seen over that of noise alone.
    classes : (N,)
        Class that fits best, from 1; None where no classes were learned.
    """

    score: npt.NDArray[np.float64]
    evidence: npt.NDArray[np.float64]
    classes: npt.NDArray[np.int64] | None
