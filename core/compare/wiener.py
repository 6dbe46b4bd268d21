"""The Wiener filter that knows each image's true spectra: the best that a radial filter can do."""

from __future__ import annotations

from ..evaluate.held_out import oracle_wiener
from .baseline import Baseline

WIENER = Baseline(
    "oracle Wiener",
    oracle_wiener,
    kind="oracle",
    note="is told the power spectra of each image's signal and noise, which nobody knows",
)
