"""A picture of a micrograph with what was found in it and what was cut out of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw
from scipy.ndimage import binary_erosion, gaussian_filter

from ..images.disk import replacing
from ..segment.grid import to_grid
from ..segment.network import PARTICLE, POLLUTION
from ..segment.segmenter import Segmentation
from .legend import draw_legend

SIDE = 1024
"""Pixels of a picture's longer side."""
COLOURS = {POLLUTION: (255, 80, 60), PARTICLE: (70, 220, 90)}
BLOCK = (90, 170, 255)
PICK = (255, 220, 60)
NAMES = {
    "particles": COLOURS[PARTICLE],
    "pollution": COLOURS[POLLUTION],
    "noise blocks": BLOCK,
    "picks": PICK,
}
"""What the colours mean."""


def overlay(
    pixels: npt.NDArray[np.float32],
    segmentation: Segmentation,
    *,
    blocks: npt.NDArray[np.float64] | None = None,
    box: int = 0,
    picks: npt.NDArray[np.float64] | None = None,
    pixel_size: float | None = None,
) -> npt.NDArray[np.uint8]:
    """Draw the outlines of pollution (red) and particles (green), blocks (blue), picks (yellow).

    Parameters
    ----------
    pixels : (ny, nx)
        The micrograph.
    segmentation
        Its labels.
    blocks : (k, 2)
        y, x of the centres of noise blocks in pixels.
    box
        Side of the blocks in pixels.
    picks : (n, 2)
        y, x in pixels.
    pixel_size
        Å, for a scale bar.

    Returns
    -------
    picture : (h, w, 3) uint8
        Row 0 at the top, the longer side at most `SIDE` pixels.
    """
    ny, nx = pixels.shape
    factor = min(1.0, SIDE / max(ny, nx))
    size = (max(1, round(ny * factor)), max(1, round(nx * factor)))
    grey = _stretch(to_grid(pixels, size))
    picture = np.repeat(grey[..., None], 3, axis=2)
    chances = [to_size(chance, size) for chance in segmentation.probabilities]
    labels = np.argmax(chances, axis=0)
    for label, colour in COLOURS.items():
        region = labels == label
        picture[region] = 0.82 * picture[region] + 0.18 * np.array(colour)
        edge = region & ~binary_erosion(region, iterations=2, border_value=1)
        picture[edge] = colour
    canvas = Image.fromarray(picture.astype(np.uint8))
    draw = ImageDraw.Draw(canvas)
    step = (size[0] / ny, size[1] / nx)
    for y, x in blocks if blocks is not None else ():
        low = ((x - box / 2) * step[1], (y - box / 2) * step[0])
        high = ((x + box / 2) * step[1], (y + box / 2) * step[0])
        draw.rectangle((*low, *high), outline=BLOCK, width=2)
    for y, x in picks if picks is not None else ():
        cy, cx = y * step[0], x * step[1]
        draw.ellipse((cx - 2, cy - 2, cx + 2, cy + 2), fill=PICK)
    left_out = {"noise blocks": blocks is None, "picks": picks is None}
    names = {name: colour for name, colour in NAMES.items() if not left_out.get(name)}
    draw_legend(canvas, draw, names, None if pixel_size is None else pixel_size / step[1])
    return np.asarray(canvas)


def to_size(values: npt.NDArray[np.float32], size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Interpolate a coarse map (h, w) to another size (h', w')."""
    resized = Image.fromarray(values).resize(size[::-1], Image.Resampling.BILINEAR)
    return np.asarray(resized, dtype=np.float32)


def write_png(path: Path, picture: npt.NDArray[np.uint8]) -> None:
    """Write a picture (h, w, 3), whole or not at all."""
    with replacing(path) as file:
        Image.fromarray(picture).save(file, format="PNG", compress_level=4)


def _stretch(image: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Grey values of 0 to 255: noise smoothed, the darkest and brightest half per cent clipped."""
    smooth = gaussian_filter(image, 1.0)
    low, high = np.percentile(smooth, [0.5, 99.5])
    return np.asarray(np.clip((smooth - low) / max(high - low, 1e-12), 0, 1) * 255)
