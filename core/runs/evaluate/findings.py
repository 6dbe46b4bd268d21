"""What an evaluation has measured, and what of it is a reason to doubt the images."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...denoise.model_file import ModelCard
from ...errors import IceblockError
from ...evaluate.data_set import Background, NoiseMatch
from ...evaluate.gate import Check
from ...figures.denoise_report import range_warnings
from ..denoise.record import BoxCounts
from .inputs import Evaluated

Floats = npt.NDArray[np.float64]

UNLIKE = 2.0
"""Factor between spectra of noise from which on it is a warning."""
DOUBTFUL = 0.3
"""Median confidence below which it is a warning."""


@dataclass(frozen=True)
class Findings:
    """What was measured."""

    background: Background
    snr: float
    match: NoiseMatch | None
    bank: Path | None
    """That the match was made with; None where it was the model's card."""
    confidences: Floats | None
    whole: bool
    """Whether every particle has its confidence."""
    checks: list[Check]
    not_whole: str
    """Why the whole result was not tried; empty where it was, or where nothing was."""
    boxes: BoxCounts | None
    """None where there are too few particles."""


def doubts(
    seen: Evaluated, card: ModelCard | None, found: Findings, small: int, working: float
) -> list[str]:
    """Say in sentences why these images may not be trusted."""
    warnings = []
    if card is None:
        warnings.append(
            "The model that made these images is not known (no run.json beside them, or its model "
            "is gone): name it with --model, so that it can be tried."
        )
    else:
        warnings += range_warnings(card, working, small)
        warnings += _outside(seen, card, found)
    if found.match is not None and found.match.ratio > UNLIKE:
        warnings.append(
            f"The noise about these particles is unlike that of training (their spectra differ by "
            f"a factor {found.match.ratio:.1f}): fine-tune the model on this data set's own noise."
        )
    if found.confidences is not None and float(np.median(found.confidences)) < DOUBTFUL:
        warnings.append(
            f"The median confidence is {np.median(found.confidences):.2f}: most particles are too "
            "noisy for their denoised images to show much."
        )
    kept = seen.record.identity.get("keep_noise", 0)
    if kept:
        warnings.append(f"{kept:g} of each raw image was kept in the denoised ones (keep-noise).")
    return warnings


def _outside(seen: Evaluated, card: ModelCard, found: Findings) -> list[str]:
    """Sentences for an SNR and defocus values that the model was not trained for."""
    warnings = []
    low, high = card.snr_range
    if not low <= found.snr <= high:
        side = "below" if found.snr < low else "above"
        about = f"about {found.snr:.2g}" if found.snr > 0 else "too low to be measured"
        warnings.append(
            f"Out of range: the SNR inside the particles is {about}, {side} the {low:g}–{high:g} "
            "that the model was trained for."
        )
    defocus = _defocus(seen)
    if defocus is not None:
        low, high = card.defocus_range
        outside = (defocus < 0.9 * low) | (defocus > 1.1 * high)
        if outside.mean() > 0.02:
            warnings.append(
                f"Out of range: {100 * outside.mean():.0f} % of the particles have a defocus "
                f"outside the {low:.0f}–{high:.0f} Å that the model was trained for."
            )
    return warnings


def _defocus(seen: Evaluated) -> Floats | None:
    """Mean defocus (N,) of all particles, Å; None where the table has no complete CTF."""
    try:
        ctf = seen.particles.ctf()
    except IceblockError:  # a defocus without the microscope's settings is no reason to stop
        return None
    return None if ctf is None else (ctf["defocus_u"] + ctf["defocus_v"]) / 2
