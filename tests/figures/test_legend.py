"""The legend of a picture can be read."""

import numpy as np
from PIL import Image, ImageDraw

from core.figures.legend import draw_legend, legend_font


def test_the_unit_is_a_letter_of_the_font() -> None:
    font = legend_font(30)
    missing, unit, plain = (bytes(font.getmask(each)) for each in ("\ue123", "Å", "A"))
    assert unit not in (missing, plain)


def test_a_picture_without_names_has_a_scale_bar_alone() -> None:
    canvas = Image.new("RGB", (600, 600), (128, 128, 128))
    draw_legend(canvas, ImageDraw.Draw(canvas), {}, 4.0)
    pixels = np.asarray(canvas)
    assert (pixels[:, :300] == 128).all()
    assert (pixels[500:, 400:] != 128).any()
