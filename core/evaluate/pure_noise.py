"""What comes out where pure noise goes in: how much, and whether it looks like something known."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ..signal.spectrum import noise_with_power, radial_power
from .einstein import Average, Reference, aligned_average
from .gate import Check, Trial

RMS_BAR = 0.1


def left_over(raw: torch.Tensor, denoised: torch.Tensor) -> Check:
    """Tell how strong denoised noise (n, box, box) is."""
    value = _rms(denoised) / _rms(raw)
    return Check(
        "noise", "Pure noise in", value, RMS_BAR, "at most",
        f"From pictures of empty ice the denoiser makes pictures with {100 * value:.1f} % of the "
        "noise's strength: what it adds to an empty box is no stronger than that.",
        {"rms_in": _rms(raw), "rms_out": _rms(denoised)},
    )  # fmt: skip


def einstein(
    raw: torch.Tensor,
    denoised: torch.Tensor,
    known: Sequence[Reference],
    trial: Trial,
    what: str,
) -> Check:
    """Compare averages of noise that is aligned to each reference; the worst counts.

    Parameters
    ----------
    raw, denoised : (n, box, box)
        Noise, and what came of it.
    known, what
        What the noise is aligned to; and what that is, in words.
    trial
        Gives noise to compare with.
    """
    spectrum = radial_power(denoised).mean(0)
    null = noise_with_power(spectrum.expand(len(raw), -1), trial.box, trial.generator(2))
    found = []
    for reference in known:
        found.append([aligned_average(images, reference) for images in (denoised, raw, null)])

    def strength(averages: list[Average]) -> float:
        return averages[0].norm / max(averages[1].norm, 1e-12)

    own, of_raw, of_null = max(found, key=strength)
    value = strength([own, of_raw])
    return Check(
        "einstein", "Einstein from noise", value, 1.0, "at most",
        f"{len(raw)} denoised pictures of pure noise, aligned to {what} and averaged, "
        f"give an image of it {value:.2f} times as strong as the raw noise gives by itself "
        f"(likeness {own.correlation:.2f}; noise of the same smoothness reaches "
        f"{of_null.correlation:.2f} by chance).",
        {
            "norm_denoised": own.norm,
            "norm_raw": of_raw.norm,
            "correlation_denoised": own.correlation,
            "correlation_raw": of_raw.correlation,
            "correlation_same_spectrum": of_null.correlation,
        },
    )  # fmt: skip


def _rms(images: torch.Tensor) -> float:
    return float(images.square().mean().sqrt())
