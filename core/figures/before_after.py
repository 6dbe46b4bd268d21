"""A micrograph before and after denoising, side by side."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion, gaussian_filter

from ..segment.grid import to_grid
from ..segment.network import POLLUTION
from .gallery import PAGE
from .legend import draw_legend
from .overlay import COLOURS, PICK, to_size

Grey = npt.NDArray[np.float32]

SIDE = 900
"""Pixels of the longer side of each of the two."""
_SMOOTH = 8.0  # Å: what an eye needs to see anything in a raw micrograph
_BRIGHTEST = 99.8


def before_after(
    before: Grey,
    after: Grey,
    pollution: Grey,
    pixel_size: float,
    picks: npt.NDArray[np.float64] | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw both, with the outline of what was not denoised (red) and the picks (yellow).

    Parameters
    ----------
    before, after : (h, w)
        The raw micrograph, which is smoothed a little for the eye, and the denoised one.
    pollution : (h, w)
        0 to 1.
    pixel_size
        Å.
    picks : (n, 2)
        y, x in these pixels.

    Returns
    -------
    picture : (h', w', 3) uint8
    """
    factor = min(1.0, SIDE / max(before.shape))
    size = (max(1, round(before.shape[0] * factor)), max(1, round(before.shape[1] * factor)))
    hidden = to_size(pollution, size) > 0.5
    smooth = gaussian_filter(before, _SMOOTH / pixel_size)
    parts = [_panel(_symmetric(to_grid(image, size), hidden), hidden) for image in (smooth, after)]
    for part in parts:
        draw = ImageDraw.Draw(part)
        step = (size[0] / before.shape[0], size[1] / before.shape[1])
        for y, x in picks if picks is not None else ():
            cy, cx = (y + 0.5) * step[0] - 0.5, (x + 0.5) * step[1] - 0.5
            draw.ellipse((cx - 2, cy - 2, cx + 2, cy + 2), fill=PICK)
        names = {"not denoised": COLOURS[POLLUTION]} if hidden.any() else {}
        if picks is not None:
            names["picks"] = PICK
        draw_legend(part, draw, names, pixel_size / step[1])
    gap = np.full((size[0], 6, 3), 255, np.uint8)
    return np.hstack([np.asarray(parts[0]), gap, np.asarray(parts[1])])


def page(title: str, picture: npt.NDArray[np.uint8]) -> Figure:
    """Show such a picture on a page of its own."""
    figure = Figure(figsize=PAGE)
    figure.text(0.5, 0.95, title, ha="center", va="top", fontsize=11, wrap=True)
    axes = figure.add_axes((0.02, 0.02, 0.96, 0.88))
    axes.imshow(picture)
    axes.axis("off")
    return figure


def _symmetric(image: Grey, hidden: npt.NDArray[np.bool_]) -> Grey:
    """Grey values 0 to 255 about the ice, which stays a middle grey: no empty picture looks busy.

    One image has noise and particles to both sides of the ice; so the range is the same for both.
    """
    seen = np.abs(image[~hidden]) if not hidden.all() else np.abs(image)
    reach = max(float(np.percentile(seen, _BRIGHTEST)), 0.5)
    return np.asarray(np.clip(127.5 + 127.5 * image / reach, 0, 255), dtype=np.float32)


def _panel(grey: Grey, hidden: npt.NDArray[np.bool_]) -> Image.Image:
    picture = np.repeat(grey[..., None], 3, axis=2)
    edge = hidden & ~binary_erosion(hidden, iterations=2, border_value=1)
    picture[edge] = COLOURS[POLLUTION]
    return Image.fromarray(picture.astype(np.uint8))
