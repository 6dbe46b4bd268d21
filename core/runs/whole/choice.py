"""Which model denoises: the fine-tuned one, or one that ships."""

from __future__ import annotations

import numpy as np

from .record import TuningStage

SURE = 2.0
"""Standard errors by which a fine-tuned model must be better to denoise."""
LEAST = 0.0005
"""Of the held-out correlation: what it must be better by, too, for less is not to be seen."""


NOT_TUNED = "the model without fine-tuning denoises"


def compared(tuning: TuningStage) -> str:
    """Say which of two models denoises, and why, by what the record keeps of fine-tuning."""
    mean, error = tuning.gain["mean"], tuning.gain["error"]
    if tuning.own_gain is not None:
        gain, low, high = tuning.own_gain
        verdict = (
            f"on your own particles the correlation with the truth changes by {gain:+.4f} "
            f"({low:+.4f} to {high:+.4f}), and "
            + ("the fine-tuned model denoises" if tuning.used else NOT_TUNED)
        )
    elif tuning.used:
        verdict = f"better by {mean:.4f} ± {error:.4f}, and the fine-tuned model denoises"
    elif mean > 0:
        verdict = f"better by {mean:.4f} ± {error:.4f} only, which is too little, and {NOT_TUNED}"
    else:
        verdict = f"fine-tuning made it no better, and {NOT_TUNED}"
    return f"Held-out correlation {tuning.after:.4f}, before {tuning.before:.4f}: {verdict}."


def surely_better(gain: dict[str, float]) -> bool:
    """Tell whether a fine-tuned model is better than the one before, beyond the error of that.

    Parameters
    ----------
    gain
        See `paired_gain`.
    """
    return gain["mean"] > max(LEAST, SURE * gain["error"])


def mean_score(scores: dict[str, float]) -> float:
    """Mean of a model's held-out correlations over the SNRs, as in training's records."""
    return round(float(np.mean(list(scores.values()))), 5)
