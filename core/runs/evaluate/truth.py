"""How near raw and denoised images come to true ones, where the user has those."""

from __future__ import annotations

import torch
from matplotlib.figure import Figure

from ...denoise.confidence import outline
from ...figures.trust_figures import truth_page
from ...signal.agreement import crossing, frc, masked_correlation
from ...signal.bootstrap import interval
from .inputs import Evaluated


def truth_of(seen: Evaluated) -> tuple[dict[str, dict[str, float]], Figure | None]:
    """Score raw and denoised images against the true ones."""
    if seen.clean is None:
        return {}, None
    truth = torch.from_numpy(seen.clean)
    mask = outline(truth, seen.pixel_size)
    scores, curves, correlations = {}, {}, {}
    for name, images in (("raw", seen.raw), ("denoised", seen.denoised)):
        own = torch.from_numpy(images)
        correlations[name] = masked_correlation(own, truth, mask).double().numpy()
        curve = frc(own, truth).mean(0)
        curves[name] = curve.double().numpy()
        found = interval(correlations[name])
        scores[name] = {
            "correlation": round(found.mean, 4),
            "low": round(found.low, 4),
            "high": round(found.high, 4),
            "frc_0.5": round(float(crossing(curve, seen.pixel_size, 0.5)), 2),
            "frc_0.143": round(float(crossing(curve, seen.pixel_size, 1 / 7)), 2),
        }
    return scores, truth_page(curves, correlations, seen.pixel_size)


def truth_words(scores: dict[str, float]) -> str:
    """Say the scores of raw or denoised images."""
    return (
        f"correlation {scores['correlation']:.3f} ({scores['low']:.3f}–{scores['high']:.3f}); "
        f"Fourier ring correlation 0.5 at {scores['frc_0.5']:.1f} Å, 0.143 at "
        f"{scores['frc_0.143']:.1f} Å"
    )
