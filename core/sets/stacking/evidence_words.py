"""What a set's own images tell of an estimate, in words."""

from __future__ import annotations

from .evidence import Evidence, Interval

UNKNOWN = (
    "This set's own images do not show more than their noise, so they cannot tell how good the "
    "denoised images are."
)

OTHER_NOISE = (
    "The noise about these particles is not like the noise on them, so the set's own images cannot "
    "tell how good the denoised images are."
)


def interval_words(told: Interval | None) -> str:
    """Write a correlation with its interval; a dash where it is not known."""
    return "–" if told is None else f"{told.value:.2f} ({told.low:.2f} to {told.high:.2f})"


def percent_words(told: Interval) -> str:
    """Write a part with its interval, in percent."""
    value, low, high = (100 * number for number in told)
    return f"{value:z.1f} % ({low:z.1f} to {high:z.1f})"


def evidence_words(evidence: Evidence) -> str:
    """Say in a sentence or two how far the result agrees with the truth."""
    raw, low_pass, wiener, *_, result = evidence.told
    if result.correlation is None:
        return UNKNOWN if raw.correlation is None else OTHER_NOISE
    after = f"{interval_words(result.correlation)} after"
    others = [(one.name, one.correlation) for one in (raw, low_pass, wiener)]
    known = [(name, one.value) for name, one in others if one is not None]
    beside = ", ".join(f"{name} {value:.2f}" for name, value in known)
    said = f"On this set's own images: correlation with the truth {after}; {beside}."
    if known and result.correlation.high < max(value for _, value in known):
        said += " Denoising is no better than filtering these images."
    return said
