"""Lengths for scale bars."""

from __future__ import annotations

import math


def nice_length(most: float) -> float:
    """Give the largest of … 1, 2, 5, 10, 20, 50 … that is not above `most`."""
    power = 10.0 ** math.floor(math.log10(most))
    return max(step * power for step in (1.0, 2.0, 5.0) if step * power <= most * (1 + 1e-9))


def length_words(length: float) -> str:
    """Write a length given in Å, from 1000 Å on in nm."""
    return f"{length:g} Å" if length < 1000 else f"{length / 10:g} nm"
