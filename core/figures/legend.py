"""The legend of an overlay: what its colours mean, and a scale bar."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import matplotlib
from PIL import Image, ImageDraw, ImageFont

from .scale import length_words, nice_length

Colour = tuple[int, int, int]

BAR = 0.2
"""Part of the picture's width that the scale bar takes at most."""
LETTERS = 45
"""Letters are the picture's longer side over this, in pixels."""
_PAPER, _INK = (20, 20, 20), (245, 245, 245)


def draw_legend(
    canvas: Image.Image,
    draw: ImageDraw.ImageDraw,
    colours: Mapping[str, Colour],
    pixel_size: float | None,
) -> None:
    """Write names in their colours, and a scale bar, along the lower edge of a picture.

    Parameters
    ----------
    canvas, draw
        The picture.
    colours
        Name → colour.
    pixel_size
        Å of a pixel of the picture; None for no scale bar.
    """
    width, height = canvas.size
    size = max(9, max(width, height) // LETTERS)
    font = legend_font(size)
    top, middle = height - round(1.7 * size), height - round(0.85 * size)
    right = sum(_taken(draw, name, font, size) for name in colours) + 0.5 * size
    if colours:
        draw.rectangle((0, top, min(width, right), height), fill=_PAPER)
    x = 0.5 * size
    for name, colour in colours.items():
        draw.rectangle((x, middle - 0.4 * size, x + 0.8 * size, middle + 0.4 * size), fill=colour)
        draw.text((x + 1.2 * size, middle), name, fill=_INK, font=font, anchor="lm")
        x += _taken(draw, name, font, size)
    if pixel_size is not None:
        length = nice_length(BAR * width * pixel_size)
        words, pixels = length_words(length), length / pixel_size
        left = width - max(pixels, draw.textlength(words, font=font)) - size
        draw.rectangle((left - 0.5 * size, top - 0.8 * size, width, height), fill=_PAPER)
        draw.text((left, top - 0.4 * size), words, fill=_INK, font=font, anchor="lt")
        foot = height - 0.7 * size
        draw.rectangle((left, foot, left + pixels, foot + max(2, size // 5)), fill=_INK)


def legend_font(size: int) -> ImageFont.FreeTypeFont:
    """Give matplotlib's letters: Pillow's own have no Å."""
    path = Path(matplotlib.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf")
    return ImageFont.truetype(str(path), size)


def _taken(draw: ImageDraw.ImageDraw, name: str, font: ImageFont.FreeTypeFont, size: int) -> float:
    """Give the width of a name with its square, in pixels."""
    return float(draw.textlength(name, font=font)) + 2.2 * size
