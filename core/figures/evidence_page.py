"""A page on what a set's own images tell of their denoised copies."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Bbox

from ..sets.stacking.evidence import Evidence, Told
from ..sets.stacking.evidence_words import interval_words, percent_words
from .axes import LARGE, SMALL, enlarge, line_style, resolution_axis
from .gallery import PAGE

HEADS = ("", "in the particle", "in the whole box", "noise taken off")
SENTENCE = (
    "Nobody knows the clean images. Noise like that of the background was added to the images, and "
    "they were denoised again: how the answers change tells how much of them is noise, and so how "
    "far they agree with the truth (Stein's identity). In brackets: 95 % intervals. A dash stands "
    "where the images do not show more than their noise, or where their noise is surely not like "
    "that of the background. Neighbours count as noise."
)


def evidence_page(evidence: Evidence) -> Figure:
    """Show the correlation with the truth of each estimate, and that of some by resolution.

    Parameters
    ----------
    evidence
        Of the largest set.
    """
    figure = Figure(figsize=PAGE, layout="constrained")
    figure.suptitle(
        f"What the set's own images tell: correlation with the truth, told from {evidence.images} "
        f"images, the particle within {2 * evidence.radius:.0f} Å",
        fontsize=LARGE,
    )
    upper, lower = figure.subplots(2, 1, height_ratios=(1, 1.4))
    _table(upper, evidence)
    _curves(lower, evidence)
    enlarge(figure)
    lower.set_title(textwrap.fill(SENTENCE, 130), fontsize=SMALL, loc="left")
    return figure


def _table(axes: Axes, evidence: Evidence) -> None:
    rows = [
        (
            one.name,
            interval_words(one.correlation),
            interval_words(one.box_correlation),
            percent_words(one.noise_removed),
        )
        for one in evidence.told
    ]
    axes.axis("off")
    table = axes.table([HEADS, *rows], cellLoc="left", edges="horizontal", bbox=Bbox.unit())
    table.auto_set_font_size(False)
    table.set_fontsize(SMALL)
    table.auto_set_column_width([0])


def _curves(axes: Axes, evidence: Evidence) -> None:
    frequency = 1 / np.array(evidence.resolutions)
    for number, one in enumerate(evidence.told):
        colour, dashes = line_style(number)
        last = number == len(evidence.told) - 1
        value, low, high = _told(one)
        axes.plot(
            frequency, value, color="k" if last else colour, ls=dashes,
            lw=2.4 if last else 1.4, label=one.name,
        )  # fmt: skip
        if last:
            axes.fill_between(frequency, low, high, color="k", alpha=0.15, lw=0)
    resolution_axis(axes, 0.5 / evidence.pixel_size)
    axes.set_ylim(0, 1)
    axes.set_ylabel("correlation with the truth")
    axes.legend(loc="upper right", ncols=2)


def _told(one: Told) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Give value, low and high by bands, (3, bands); not a number where nothing is told."""
    return np.array([each or (np.nan,) * 3 for each in one.curve], dtype=np.float64).T
