"""Which values of a CTF can be true; others are mistakes, or mark a row that has none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from ..wording import counted

Columns = Mapping[str, npt.NDArray[np.float64]]
Rows = npt.NDArray[np.bool_]

RANGES = {
    "defocus_u": (-2e5, 2e5),
    "defocus_v": (-2e5, 2e5),
    "voltage": (10.0, 3000.0),
    "spherical_aberration": (-1.0, 20.0),
    "amplitude_contrast": (-1.0, 1.0),
}
"""Least and largest value, in the units of `CtfParameters`: a defocus is rarely 10 µm, a voltage in
volts or a contrast in percent lies outside."""
IN_FOCUS = 100.0
"""Å. Nearer to focus no particle is seen without a phase plate; 0 stands where no CTF was found."""
NO_PLATE = 1.0
"""Degrees of phase shift that no phase plate gives."""


def odd(columns: Columns) -> dict[str, Rows]:
    """Tell which values of the fields of `CtfParameters` cannot be true.

    Returns
    -------
    wrong
        By field, (n,): the value is NaN, out of range, or a defocus of nothing.
    """
    wrong = {}
    for name, values in columns.items():
        low, high = RANGES.get(name, (-np.inf, np.inf))
        wrong[name] = ~(np.isfinite(values) & (values >= low) & (values <= high))
    plain = np.abs(columns["phase_shift"]) < NO_PLATE
    for name in ("defocus_u", "defocus_v"):
        wrong[name] |= plain & (np.abs(columns[name]) < IN_FOCUS)
    return wrong


def odd_rows(columns: Columns) -> Rows:
    """Tell which rows (n,) have a value that cannot be true."""
    rows: Rows = np.logical_or.reduce([*odd(columns).values()])
    return rows


def first_odd(columns: Columns) -> tuple[int, str] | None:
    """Find the first row with a value that cannot be true.

    Returns
    -------
    row, name
        From 0, and the field of `CtfParameters`; None where all rows can be true.
    """
    found = [
        (int(np.flatnonzero(wrong)[0]), name) for name, wrong in odd(columns).items() if wrong.any()
    ]
    return min(found, key=lambda place: place[0], default=None)


def odd_words(columns: Columns) -> str | None:
    """Say how many rows have no CTF that can be true, and which is the first; None for none."""
    place = first_odd(columns)
    if place is None:
        return None
    row, name = place
    wrong = odd_rows(columns)
    count, n = int(wrong.sum()), len(wrong)
    return (
        f"{count} of {counted(n, 'row')} {'has' if count == 1 else 'have'} no CTF that can be true "
        f"(the first is row {row + 1}: {name.replace('_', ' ')} {columns[name][row]:g})"
    )
