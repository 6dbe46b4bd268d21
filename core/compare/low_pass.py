"""The low-pass filter: all up to a frequency is kept, nothing beyond."""

from __future__ import annotations

import torch

from ..evaluate.metrics import wiener_filter
from .baseline import Baseline, combinations

EDGE = 0.02
"""Width of the cosine edge, cycles per pixel."""


def low_pass(images: torch.Tensor, cycles_per_pixel: float) -> torch.Tensor:
    """Cut (n, box, box) images off at a frequency, with a soft edge about it."""
    bins = images.shape[-1] // 2 + 1
    frequency = torch.linspace(0, 0.5, bins, device=images.device)
    beyond = ((frequency - cycles_per_pixel) / EDGE + 0.5).clamp(0, 1)
    gain = 0.5 * (1 + torch.cos(torch.pi * beyond))
    return wiener_filter(images, gain, 1 - gain)


LOW_PASS = Baseline(
    "low-pass",
    low_pass,
    combinations(cycles_per_pixel=(0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.3, 0.4)),
)
