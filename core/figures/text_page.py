"""A page of facts and advice, with a strip of pictures at its foot."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from .gallery import PAGE
from .montage import Range, montage

Rows = Mapping[str, tuple[npt.NDArray[np.float32], Range]]

TITLE, TEXT = 20.0, 14.0
"""Points."""
SMALLEST = 8.5
"""Points; a text that needs smaller letters has no pictures below it."""
LEFT, RIGHT, SECOND, TOP, BOTTOM = 0.05, 0.96, 0.26, 0.86, 0.04
"""Parts of the page: margins, and where values begin."""
STRIP = 0.27
"""Height of the pictures, of the page."""
_LINE, _PAUSE = 1.35, 0.6
"""Times the letters' height: a line, and what parts paragraphs."""
_LETTER = 0.56
"""Mean width of a letter, of its height."""


def text_page(
    title: str,
    lines: list[tuple[str, str]],
    advice: list[str],
    rows: Rows | None = None,
    pixel_size: float | None = None,
) -> Figure:
    """Make a page of facts and advice; long texts get smaller letters.

    Parameters
    ----------
    title
        In large letters.
    lines
        Label and value pairs.
    advice
        Sentences, one a paragraph.
    rows
        Pictures for the foot of the page, see `montage`.
    pixel_size
        Å, of the pictures.
    """
    figure = Figure(figsize=PAGE)
    figure.text(LEFT, 0.91, title, fontsize=TITLE, weight="bold")
    size, pictured = _fitting(lines, advice, rows is not None)
    y = TOP
    for label, value in lines:
        wrapped = _wrapped(value, RIGHT - SECOND, size)
        figure.text(LEFT, y, label, fontsize=size, color="#555555", va="top")
        figure.text(SECOND, y, wrapped, fontsize=size, va="top", linespacing=1.2)
        y -= _height(wrapped, size)
    y -= _PAUSE * _points(size)
    for sentence in advice:
        paragraph = _wrapped(sentence, RIGHT - LEFT, size)
        figure.text(LEFT, y, paragraph, fontsize=size, va="top", linespacing=1.2)
        y -= _height(paragraph, size) + _PAUSE * _points(size)
    if pictured and rows is not None:
        bottom = max(BOTTOM, (y + BOTTOM - STRIP) / 2)  # in the middle of what is left
        axes = figure.add_axes((LEFT + 0.06, bottom, RIGHT - LEFT - 0.06, STRIP))
        montage(axes, rows, pixel_size)
    return figure


def _fitting(lines: list[tuple[str, str]], advice: list[str], pictured: bool) -> tuple[float, bool]:
    """Give the largest letters in points that fit, and whether pictures then fit too."""
    for foot in (BOTTOM + STRIP + 0.02, BOTTOM) if pictured else (BOTTOM,):
        size = TEXT
        while size >= (SMALLEST if foot > BOTTOM else 4.0):
            if _total(lines, advice, size) <= TOP - foot:
                return size, foot > BOTTOM
            size -= 0.25
    return 4.0, False


def _total(lines: list[tuple[str, str]], advice: list[str], size: float) -> float:
    """Height of all text, of the page."""
    facts = sum(_height(_wrapped(value, RIGHT - SECOND, size), size) for _, value in lines)
    pause = _PAUSE * _points(size)
    return (
        facts
        + pause
        + sum(_height(_wrapped(text, RIGHT - LEFT, size), size) + pause for text in advice)
    )


def _wrapped(text: str, width: float, size: float) -> str:
    """Break a text into lines that are not wider than a part of the page."""
    letters = int(width * PAGE[0] * 72 / (_LETTER * size))
    return textwrap.fill(text, letters) or " "


def _height(text: str, size: float) -> float:
    return (1 + text.count("\n")) * _LINE * _points(size)


def _points(size: float) -> float:
    """Height of letters of some points, of the page."""
    return size / 72 / PAGE[1]
