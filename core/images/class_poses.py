"""Where particles belong: class, turn and offset, for the tables of particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class ClassPoses:
    """One class and one pose for each of N particles, in RELION's conventions.

    Attributes
    ----------
    classes : (N,)
        Numbers of the classes, from 1.
    psi : (N,)
        Degrees, -180 to 180: a turn of the image by it lays the image on the class average.
    origins : (N, 2)
        x, y in Å: the move of the image, before that turn, which centres the particle.
    highest : (N,)
        Posterior of the most likely class, turn and offset.
    certainty : (N,)
        Posterior of the most likely class.
    log_likelihood : (N,)
        Over that of noise alone.
    """

    classes: npt.NDArray[np.int64]
    psi: npt.NDArray[np.float64]
    origins: npt.NDArray[np.float64]
    highest: npt.NDArray[np.float64]
    certainty: npt.NDArray[np.float64]
    log_likelihood: npt.NDArray[np.float64]
