"""A model's description as lines of text: settings in two columns, scores in a table."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

_SNR = "correlation_"
_ELSEWHERE = ("name", "training", "scores", "noise_statistics")
_UNITS = {
    "box_range": "pixels",
    "defocus_range": "Å",
    "pixel_size_range": "Å",
    "working_pixel_size": "Å",
}


def card_lines(card: Mapping[str, Any]) -> list[str]:
    """Describe a model card, without its name.

    Parameters
    ----------
    card
        Of a denoising or a segmentation model.
    """
    facts = {key: value for key, value in card.items() if value and key not in _ELSEWHERE}
    if card.get("noise_statistics"):
        facts["noise_statistics"] = "kept for `iceblock evaluate`; --json prints them"
    training = dict(card["training"])
    start = training.pop("start", None)
    parts = [*_columns(facts), "", "Training", *_columns(training)]
    if isinstance(start, dict):
        other = {key: value for key, value in start.items() if training.get(key) != value}
        title = "The model that it started from was trained in the same way, except"
        parts += ["", title, *_columns(other)]
    elif start is not None:
        parts += _columns({"start": start})
    return [*parts, "", *_scores(card["scores"])]


def _columns(values: Mapping[str, Any]) -> list[str]:
    width = max((len(key) for key in values), default=0)
    return [
        f"  {key.replace('_', ' '):<{width}}  {_text(value, _UNITS.get(key, ''))}"
        for key, value in values.items()
    ]


def _text(value: Any, unit: str = "") -> str:
    if isinstance(value, list | tuple):
        numbers = len(value) == 2 and all(isinstance(v, int | float) for v in value)
        text = (" to " if unit and numbers else ", ").join(map(_text, value))
    elif isinstance(value, dict):
        text = "  ".join(f"{key}={_text(part)}" for key, part in value.items())
    else:
        text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{text} {unit}".rstrip()


def _scores(scores: Mapping[str, Any]) -> list[str]:
    """Correlations by SNR in a table; any other scores in two columns."""
    rows = {
        key: value
        for key, value in scores.items()
        if isinstance(value, dict) and value and all(name.startswith(_SNR) for name in value)
    }
    others = {key: value for key, value in scores.items() if key not in rows}
    rows = {key: row for key, row in rows.items() if any(row.values())}  # all but the rows `zero`
    lines = ["Scores", *_columns(others)] if others else []
    if not rows:
        return lines
    columns = list(dict.fromkeys(name for row in rows.values() for name in row))
    heads = [f"SNR {name.removeprefix(_SNR)}" for name in columns]
    width = max(len(method) for _, method in map(_split, rows))
    lines += ["", "Mean correlation with the truth, on held-out images"]
    lines.append(f"    {'':<{width}}{_cells(heads)}")
    images = ""
    for key, row in rows.items():
        where, method = _split(key)
        lines += [f"  {where}"] if where != images else []
        images = where
        found = [f"{row[name]:.3f}" if name in row else "" for name in columns]
        lines.append(f"    {method:<{width}}{_cells(found)}")
    return lines


def _cells(texts: Iterable[str]) -> str:
    return "".join(f"{text:>10}" for text in texts)


def _split(key: str) -> tuple[str, str]:
    """Split `images: method`; the images are empty where there is only a method."""
    images, _, method = key.rpartition(": ")
    return images, method
