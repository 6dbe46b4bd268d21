"""Which values of a CTF can be true; others are mistakes, or mark a row that has none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Columns = Mapping[str, npt.NDArray[np.float64]]

RANGES = {
    "defocus_u": (-2e5, 2e5),
    "defocus_v": (-2e5, 2e5),
    "voltage": (10.0, 3000.0),
    "spherical_aberration": (-1.0, 20.0),
    "amplitude_contrast": (-1.0, 1.0),
}
"""Least and largest value, in the units of `CtfParameters`: a defocus is rarely 10 µm, a voltage in
volts or a contrast in percent lies outside."""


def odd(name: str, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    """Tell which values of a field of `CtfParameters` cannot be true: NaN, or out of range."""
    low, high = RANGES.get(name, (-np.inf, np.inf))
    return ~(np.isfinite(values) & (values >= low) & (values <= high))


def first_odd(columns: Columns) -> tuple[int, str] | None:
    """Find the first row with a value that cannot be true.

    Returns
    -------
    row, name
        From 0, and the field of `CtfParameters`; None where all rows can be true.
    """
    found = [
        (int(np.flatnonzero(wrong)[0]), name)
        for name, wrong in ((name, odd(name, values)) for name, values in columns.items())
        if wrong.any()
    ]
    return min(found, key=lambda place: place[0], default=None)
