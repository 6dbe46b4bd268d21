"""Rows of images in one picture, with their grey ranges, labels and a scale bar."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from .scale import length_words, nice_length

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    Images = npt.NDArray[np.float32]

OWN = 0.0
"""Grey range of an image: its own percentiles."""
Range = float | tuple[float, float]
"""Range of grey values: from black to white, one number for ± that number, or `OWN`."""
BAR = 0.35
"""Part of an image's side that a scale bar takes at most."""
SMALL, MIDDLE = 10, 12
"""Points."""


@dataclass(frozen=True)
class Labels:
    """What is written about the columns of a montage."""

    below: Sequence[str] = ()
    """Under each column."""
    groups: Mapping[str, int] = field(default_factory=dict)
    """Title above some columns, and how many; groups stand apart from each other."""


def grey(image: Images, spread: Range = OWN) -> Images:
    """Map one image to 0 (black) to 1 (white)."""
    if isinstance(spread, tuple):
        low, high = spread
    else:
        low, high = (-spread, spread) if spread else np.percentile(image, (0.5, 99.5))
    shown = np.clip((image - low) / max(high - low, 1e-6), 0, 1)
    return np.asarray(shown, dtype=np.float32)


def common_range(images: Images) -> tuple[float, float]:
    """Give a grey range (black, white) that suits all of (n, box, box) images."""
    low, high = np.percentile(images, (0.1, 99.9))
    return (float(low), float(high)) if high > low else (-1.0, 1.0)


def montage(
    axes: Axes,
    rows: Mapping[str, tuple[Images, Range]],
    pixel_size: float | None = None,
    labels: Labels | None = None,
    size: float = MIDDLE,
) -> None:
    """Draw rows of images in one axes (many axes are slow).

    Parameters
    ----------
    axes
        Where to draw.
    rows
        Label → images (n, box, box), as many in every row, and their grey range.
    pixel_size
        Å, of all images; draws a scale bar into the first image of every row.
    labels
        Of the columns.
    size
        Points, of the letters.
    """
    labels = labels or Labels()
    first = next(iter(rows.values()))[0]
    gap = max(1, first.shape[-1] // 40)
    side = first.shape[-1] + 2 * gap
    apart = _apart(labels, len(first), side // 8)
    lines = [_line(images, spread, gap, apart) for images, spread in rows.values()]
    axes.imshow(np.concatenate(lines), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    names = [name.strip(" ") for name in rows]  # blanks tell rows of one name apart
    axes.set_yticks([side * (k + 0.5) - 0.5 for k in range(len(lines))], names, fontsize=size)
    middles = apart + side * (np.arange(len(first)) + 0.5) - 0.5
    below = list(labels.below)
    axes.set_xticks(middles[: len(below)], below, fontsize=size - 1)
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)
    start = 0
    for title, count in labels.groups.items():
        centre = float(middles[start : start + count].mean())
        axes.text(centre, -0.5 - gap, title, ha="center", va="bottom", fontsize=size)
        start += count
    if pixel_size is not None:
        for number in range(len(lines)):
            scale_bar(axes, (0.05 * side, side * (number + 0.93)), side, pixel_size, size)


def scale_bar(
    axes: Axes, corner: tuple[float, float], side: float, pixel_size: float, size: float = SMALL
) -> None:
    """Draw a scale bar with its length in Å or nm into an image.

    Parameters
    ----------
    axes
        That shows the image, a unit a pixel.
    corner
        x and y of the lower left end of the bar.
    side
        Of the image in pixels.
    pixel_size
        Å.
    size
        Points, of the letters.
    """
    length = nice_length(BAR * side * pixel_size)
    x, y = corner
    for colour, width in (("black", 4.5), ("white", 2.0)):
        axes.plot(
            [x, x + length / pixel_size], [y, y], color=colour, lw=width, solid_capstyle="butt",
            scalex=False, scaley=False,
        )  # fmt: skip
    box = {"facecolor": "black", "edgecolor": "none", "alpha": 0.6, "pad": 1.0}
    axes.text(x, y - side / 30, length_words(length), color="white", fontsize=size - 2,
              va="bottom", ha="left", bbox=box)  # fmt: skip


def _apart(labels: Labels, columns: int, width: int) -> npt.NDArray[np.int64]:
    """Pixels by which each column is moved to the right, (columns,)."""
    counts = list(labels.groups.values()) or [columns]
    return np.repeat(np.arange(len(counts)) * width, counts)[:columns]


def _line(images: Images, spread: Range, gap: int, apart: npt.NDArray[np.int64]) -> Images:
    side = images.shape[-1] + 2 * gap
    line = np.ones((side, side * len(images) + int(apart[-1])), dtype=np.float32)
    for number, (image, more) in enumerate(zip(images, apart, strict=True)):
        left = number * side + int(more)
        line[:, left : left + side] = np.pad(grey(image, spread), gap, constant_values=1)
    return line
