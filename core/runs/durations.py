"""Lengths of time as users write them."""

from __future__ import annotations

import re

from ..errors import IceblockError

SECONDS = {"s": 1.0, "m": 60.0, "h": 3600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smh])")


def parse_duration(text: str) -> float:
    """Turn `90s`, `30m`, `1.5h` or `1h30m` into seconds.

    Raises
    ------
    IceblockError
        For anything else, a number without a unit too.
    """
    wanted = text.strip().lower()
    parts = _PART.findall(wanted)
    seconds = sum(float(number) * SECONDS[unit] for number, unit in parts)
    if _PART.sub("", wanted).strip() or seconds <= 0:
        raise IceblockError(
            f"{text!r} is no length of time: give seconds, minutes or hours, for example 90s, 30m, "
            "2h or 1h30m."
        )
    return seconds


def format_duration(seconds: float) -> str:
    """Write seconds as `45 s`, `12 min 5 s` or `3 h 20 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
