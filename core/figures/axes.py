"""What the axes of all reports have in common: resolution in Å, its limit, colours, letters."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

RESOLUTIONS = (
    "100 50 30 20 15 10 8 6 5 4 3.5 3 2.5 2 1.8 1.6 1.4 1.2 1 12 7 4.5 500 200 70 40 25 9 5.5 3.2 "
    "2.8 2.3 17 14 13 11 6.5 4.2 3.7 2.6 2.2 1.9 1.7 1.5 1.3 1.1 0.9 0.8 0.7 0.6 0.5"
)
"""Å, at which an axis may have a tick, the most welcome first."""
APART = 0.055
"""Least distance of two ticks, as a part of the axis."""
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#5c3a1e")
"""Told apart by the colour-blind too (Okabe and Ito 2008), and a brown."""
DASHES = ("-", "--", ":", "-.")
SMALL, MIDDLE, LARGE = 11, 13, 14
"""Points: letters that can be read when a page fills the screen of a laptop."""


def line_style(number: int) -> tuple[str, str]:
    """Give colour and dashes of the curve with this number, from 0; the first 28 differ."""
    rounds, colour = divmod(number, len(COLOURS))
    return COLOURS[colour], DASHES[rounds % len(DASHES)]


def resolution_axis(axes: Axes, nyquist: float) -> None:
    """Let the x axis, in 1/Å up to `nyquist`, tell the resolution in Å."""
    axes.set_xlim(0, nyquist)
    ticks = resolution_ticks(nyquist)
    axes.set_xticks([1 / tick for tick in ticks], [f"{tick:g}" for tick in ticks])
    axes.set_xlabel("resolution (Å)")
    axes.grid(axis="x", color="#dddddd", lw=0.6)
    axes.set_axisbelow(True)


def resolution_ticks(nyquist: float) -> list[float]:
    """Choose resolutions in Å for an axis that is even in 1/Å and ends at `nyquist`, in 1/Å."""
    places: dict[float, float] = {}
    for word in RESOLUTIONS.split():
        place = 1 / float(word) / nyquist
        if APART <= place <= 1 + 1e-9 and all(abs(place - p) >= APART for p in places.values()):
            places[float(word)] = place
    return sorted(places, reverse=True)


def mark_limit(axes: Axes, limit: float, pixel_size: float) -> None:
    """Mark the finest resolution of the denoised images, and say what sets it.

    Parameters
    ----------
    axes
        See `resolution_axis`.
    limit
        Å, the finest resolution that the network sees.
    pixel_size
        Å, of the images: nothing is finer than twice that, whatever the network sees.
    """
    nyquist = 2 * pixel_size
    if limit <= 1.01 * nyquist:
        place, words = 1 / nyquist, f"{nyquist:.3g} Å: Nyquist of the images"
    else:
        place, words = 1 / limit, f"{limit:.3g} Å: the network keeps nothing finer"
        axes.axvline(place, color="k", lw=1.2, ls=":")
    inside = place * nyquist <= 0.5  # the left half of the axis
    axes.text(
        place, 0.985, f" {words} ", fontsize=SMALL, ha="left" if inside else "right", va="top",
        transform=axes.get_xaxis_transform(),
        bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1.0},
    )  # fmt: skip


def frequencies(count: int, pixel_size: float) -> npt.NDArray[np.float64]:
    """Give the spatial frequencies (count,) of rings from zero to Nyquist, in 1/Å."""
    return np.linspace(0, 0.5 / pixel_size, count)


def enlarge(figure: Figure) -> None:
    """Give all axes of a figure, which are drawn, letters that can be read on a screen."""
    for axes in figure.axes:
        axes.tick_params(labelsize=SMALL)
        axes.xaxis.label.set_fontsize(MIDDLE)
        axes.yaxis.label.set_fontsize(MIDDLE)
        axes.title.set_fontsize(MIDDLE)
        legend = axes.get_legend()
        for text in legend.get_texts() if legend else ():
            text.set_fontsize(SMALL)
