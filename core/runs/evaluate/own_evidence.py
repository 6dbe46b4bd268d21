"""What a set's own images told of their denoised copies, where iceblock denoised them."""

from __future__ import annotations

from ...sets.stacking.evidence import Evidence, evidence_from
from ..denoise.record import DenoiseRecord

OTHERS = (
    "not told: only the program that denoised the images could tell, run again on the same images "
    "with more noise; iceblock does so while it denoises"
)
ALONE = (
    "not told: this run learned nothing from the set, because every particle was denoised by "
    "itself or because the particles were too few"
)


def evidence_of(record: DenoiseRecord) -> Evidence | None:
    """Give what the largest set of a denoising run told; None where nothing was told."""
    told = [each for each in record.sets if each.get("evidence")]
    if not told:
        return None
    largest = max(told, key=lambda each: int(each["learned_from"]))
    return evidence_from(largest["evidence"])


def why_not(record: DenoiseRecord) -> str:
    """Say why nothing was told."""
    return ALONE if record.identity else OTHERS
