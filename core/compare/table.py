"""The table of a comparison: Markdown for readers, CSV for programs, and what stands above ours."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..signal.bootstrap import interval
from .scores import METRICS, RIVALS, Kind, Metric, Scores

ABOVE = "▲"
"""Marks a number that is better than ours."""
SHOWN = tuple(m for m in METRICS if m.key not in ("nmi", "accuracy"))
"""Columns of the Markdown table; the CSV has all."""
WITH_INTERVAL = ("correlation", "correlation_margin", "frc", "ari")
HEADLINES = ("psnr_paper", "ssim_paper", "correlation", "correlation_margin", "frc", "ari")
"""Metrics whose exceptions are printed at the end of a run; the Markdown file has all."""
ORACLE = "The oracle is told each image's true spectra, which no usable method knows."


@dataclass(frozen=True)
class Row:
    """A method in the table."""

    name: str
    kind: Kind
    scores: dict[str, Scores]
    """By the name of the set."""
    parameters: dict[str, str]
    """By the name of the set."""
    note: str = ""
    seconds: float = 0.0
    """Time of computing for an image."""


@dataclass(frozen=True)
class Exceptional:
    """A rival's number that is better than ours."""

    where: str
    """Name of the set."""
    rival: Row
    metric: Metric
    theirs: float
    ours: float
    difference: tuple[float, float] | None
    """95 % interval of the mean difference, image by image."""


def exceptions(rows: Sequence[Row], sets: Sequence[str]) -> list[Exceptional]:
    """Find where a baseline is better than ours, which is the first row of that kind."""
    ours = next((row for row in rows if row.kind == "ours"), None)
    if ours is None:
        return []
    found = []
    for where in sets:
        for metric in METRICS:
            own = ours.scores[where].interval(metric.key)
            for row in rows:
                theirs = row.scores[where].interval(metric.key)
                if row.kind not in RIVALS or own is None or theirs is None:
                    continue
                if metric.better(theirs[0], own[0]):
                    apart = _difference(row.scores[where], ours.scores[where], metric.key)
                    found.append(Exceptional(where, row, metric, theirs[0], own[0], apart))
    return found


def sentences(rows: Sequence[Row], sets: Sequence[str]) -> list[tuple[str, str]]:
    """Say what stands above ours, and how that can be.

    Returns
    -------
    said
        Key of the metric and a sentence, for each set and metric with an exception.
    """
    found = exceptions(rows, sets)
    ours = next((row.name for row in rows if row.kind == "ours"), "")
    said = []
    for where in sets:
        for metric in METRICS:
            mine = [e for e in found if e.where == where and e.metric is metric]
            if mine:
                rivals = ", ".join(_rival(e) for e in mine)
                said.append(
                    (
                        metric.key,
                        f"{where}, {metric.title}: {ours} has {number(mine[0].ours, metric)}; "
                        f"above it {rivals}. {_why(mine)}{_beside(rows, where, metric)}",
                    )
                )
    return said


def _rival(exceptional: Exceptional) -> str:
    """Name a rival with its number, and the interval by which it is above ours."""
    metric = exceptional.metric
    text = f"{exceptional.rival.name} {number(exceptional.theirs, metric)}"
    if exceptional.difference is not None:
        low, high = (f"{value:+.{metric.digits}f}" for value in exceptional.difference)
        text += f" ({low} to {high})"
    return text


def _why(found: Sequence[Exceptional]) -> str:
    parts = []
    if any(e.rival.kind != "oracle" for e in found):
        parts.append(found[0].metric.why_rivals_win)
    if any(e.rival.kind == "oracle" for e in found):
        parts.append(ORACLE)
    return " ".join(parts)


def _beside(rows: Sequence[Row], where: str, metric: Metric) -> str:
    """Give the scores of what needs no denoising."""
    parts = []
    for name in ("raw", "zero", "truth"):
        row = next((row for row in rows if row.name == name), None)
        found = row and row.scores[where].interval(metric.key)
        if found:
            parts.append(f"{name} {number(found[0], metric)}")
    return f" Beside it: {', '.join(parts)}." if parts else ""


def markdown(rows: Sequence[Row], sets: Sequence[str]) -> str:
    """Make a table for each set; numbers better than ours carry a mark."""
    marked = {(e.where, e.rival.name, e.metric.key) for e in exceptions(rows, sets)}
    parts = []
    for where in sets:
        columns = [m for m in SHOWN if any(row.scores[where].interval(m.key) for row in rows)]
        lines = [
            f"### {where}\n",
            "| method | " + " | ".join(m.title for m in columns) + " |",
            "|---" * (1 + len(columns)) + "|",
        ]
        for row in rows:
            cells = [
                _cell(row, where, metric, (where, row.name, metric.key) in marked)
                for metric in columns
            ]
            name = f"**{row.name}**" if row.kind == "ours" else row.name
            lines.append(f"| {name} | " + " | ".join(cells) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def comma_separated(rows: Sequence[Row], sets: Sequence[str]) -> str:
    """Make one table with a row for each set and method, means and interval ends apart."""
    file = io.StringIO(newline="")
    ends = [f"{m.key}{end}" for m in METRICS for end in ("", "_low", "_high")]
    head = ["set", "method", "kind", *ends, "above_ours", "parameters", "seconds_per_image", "note"]
    marked = exceptions(rows, sets)
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(head)
    for where in sets:
        for row in rows:
            cells: list[str] = []
            for metric in METRICS:
                found = row.scores[where].interval(metric.key)
                cells += ["", "", ""] if found is None else [f"{value:.6g}" for value in found]
            above = [e.metric.key for e in marked if (e.where, e.rival.name) == (where, row.name)]
            last = [" ".join(above), row.parameters.get(where, ""), f"{row.seconds:.5f}", row.note]
            writer.writerow([where, row.name, row.kind, *cells, *last])
    return file.getvalue()


def number(value: float, metric: Metric) -> str:
    """Write a number with the metric's digits."""
    return "∞" if math.isinf(value) else f"{value:.{metric.digits}f}"


def _cell(row: Row, where: str, metric: Metric, above: bool) -> str:
    found = row.scores[where].interval(metric.key)
    if found is None:
        return "–"
    text = number(found[0], metric)
    if metric.key in WITH_INTERVAL:
        text += f" [{number(found[1], metric)}, {number(found[2], metric)}]"
    return f"{text} {ABOVE}" if above else text


def _difference(one: Scores, other: Scores, key: str) -> tuple[float, float] | None:
    """Interval of the mean difference over the same images, where each has a number of its own."""
    theirs, ours = (np.asarray(s.values.get(key, []), dtype=np.float64) for s in (one, other))
    if not len(theirs) or len(theirs) != len(ours) or key in ("ari", "nmi", "accuracy"):
        return None
    apart = theirs - ours
    apart = apart[np.isfinite(apart)]
    if not len(apart):
        return None
    _, low, high = interval(apart)
    return low, high
