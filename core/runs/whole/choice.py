"""Which of two models denoises: the fine-tuned one, or the one that it was made from."""

from __future__ import annotations

from typing import Any

import numpy as np


def compared(name: str, tuning: dict[str, Any]) -> str:
    """Say which of two models denoises, and why.

    Parameters
    ----------
    name
        Of the model that was fine-tuned.
    tuning
        What the record keeps of that stage.
    """
    verdict = (
        "the fine-tuned model denoises"
        if tuning["used"]
        else f"fine-tuning made it worse, and {name} denoises as it was"
    )
    return f"Held-out correlation {tuning['after']:.4f}, before {tuning['before']:.4f}: {verdict}."


def mean_score(scores: dict[str, float]) -> float:
    """Mean of a model's held-out correlations over the SNRs, as in training's records."""
    return round(float(np.mean(list(scores.values()))), 5)
