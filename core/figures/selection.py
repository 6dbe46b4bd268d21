"""Pages of a selection: the scores with their border, and images on either side of it."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .axes import LARGE, SMALL
from .gallery import PAGE, RAW_SPREAD, page
from .montage import Labels, Range, common_range, montage

Images = npt.NDArray[np.float32]

KEPT, REJECTED = "#1d4ed8", "#c2410c"
ENDS = 5
"""Best and worst images on the first page, of each."""
MOST_MICROGRAPHS = 60
"""In one picture; of more, those that lose most are shown."""
WIDTH = 150
"""Letters in a line of the sentences."""
FEW_MICROGRAPHS = 30
"""Whose names have room for larger letters."""
ABOUT = (
    "Score 0.5: class averages of the other half of the set explain the image no better than noise "
    "does. Above: a particle is seen. Far below: contrast far beyond what is usual in this set."
)


@dataclass(frozen=True)
class Shown:
    """Images of a montage, white particles in units of the background's sd."""

    raw: Images
    """(n, box, box)."""
    denoised: Images
    scores: npt.NDArray[np.float64]
    """(n,)."""
    groups: Mapping[str, int]
    """Name and number of the images of each group, in order."""
    pixel_size: float
    """Å."""

    def ends(self) -> dict[str, npt.NDArray[np.int64]]:
        """Give places of the first images and of the last ones, by the names of their groups."""
        names = list(self.groups)
        first, last = names[0], names[-1]
        places = np.arange(len(self.raw))
        if first == last:
            return {first: places[: 2 * ENDS]}
        return {first: places[:ENDS], last: places[-ENDS:]}


def histogram_page(
    scores: npt.NDArray[np.float64],
    kept: npt.NDArray[np.bool_],
    border: float | None,
    facts: Sequence[tuple[str, str]],
    warnings: Sequence[str] = (),
    shown: Shown | None = None,
) -> Figure:
    """Draw the scores of all particles, kept and rejected, with the border and some images.

    Parameters
    ----------
    scores, kept : (N,)
        Of the particles.
    border
        The score from which on particles are kept; None where they were chosen in another way.
    facts
        Names and what is said of them.
    warnings
        Sentences below.
    shown
        Images, the best first.
    """
    figure = Figure(figsize=PAGE)
    figure.text(0.07, 0.93, "Selection of particles", fontsize=18, weight="bold")
    for number, (name, words) in enumerate(facts):
        figure.text(0.07, 0.885 - 0.03 * number, name, fontsize=SMALL, color="0.4")
        figure.text(0.2, 0.885 - 0.03 * number, words, fontsize=SMALL)
    axis = figure.add_axes((0.07, 0.25, 0.88, 0.42) if shown is None else (0.07, 0.53, 0.88, 0.18))
    edges = np.linspace(0, 1, 101).tolist()
    axis.hist(
        [scores[kept], scores[~kept]], edges, stacked=True, color=[KEPT, REJECTED],
        label=[f"kept: {int(kept.sum())}", f"rejected: {int((~kept).sum())}"],
    )  # fmt: skip
    if border is not None:
        axis.axvline(border, color="black", lw=1.5, ls="--", label=f"border {border:.3f}")
    axis.set_xlim(0, 1)
    axis.set_xlabel("score")
    axis.set_ylabel("particles")
    axis.legend(loc="upper left")
    if shown is not None:
        _ends_montage(figure.add_axes((0.07, 0.2, 0.88, 0.25)), shown)
    lines = [line for words in [ABOUT, *warnings] for line in textwrap.wrap(words, WIDTH)]
    points = min(8, 0.155 * 72 * PAGE[1] / (1.5 * len(lines)))
    figure.text(0.07, 0.165, "\n".join(lines), fontsize=points, va="top", linespacing=1.3)
    return figure


def _ends_montage(axis: Axes, shown: Shown) -> None:
    """Draw some of the best and of the worst images, with their scores."""
    ends = shown.ends()
    places = np.concatenate(list(ends.values()))
    rows: dict[str, tuple[Images, Range]] = {
        "raw": (shown.raw[places], RAW_SPREAD),
        "denoised": (shown.denoised[places], common_range(shown.denoised)),
    }
    below = [f"{score:.3f}" for score in shown.scores[places]]
    labels = Labels(below, {name: len(part) for name, part in ends.items()})
    montage(axis, rows, shown.pixel_size, labels, SMALL)


def montage_page(shown: Shown) -> Figure:
    """Draw the best, the worst and those about the border, denoised below raw, on one grey scale.

    Parameters
    ----------
    shown
        The images.
    """
    figure = page()
    low, high = common_range(shown.denoised)
    figure.suptitle(
        f"All raw images from -{RAW_SPREAD:g} to {RAW_SPREAD:g}, all denoised ones from {low:.2g} "
        f"to {high:.2g}, in units of the background's sd",
        fontsize=LARGE,
    )
    axes = figure.subplots(len(shown.groups), 1, squeeze=False)[:, 0]
    start = 0
    for axis, (name, count) in zip(axes, shown.groups.items(), strict=True):
        part = slice(start, start + count)
        rows: dict[str, tuple[Images, Range]] = {
            "raw": (shown.raw[part], RAW_SPREAD),
            "denoised": (shown.denoised[part], (low, high)),
        }
        below = [f"{score:.3f}" for score in shown.scores[part]]
        montage(axis, rows, shown.pixel_size, Labels(below), SMALL)
        axis.set_title(f"{name} (score below each)", fontsize=SMALL)
        start += count
    return figure


def micrograph_page(counts: Mapping[str, Sequence[int]]) -> Figure:
    """Draw kept and rejected particles of each micrograph.

    Parameters
    ----------
    counts
        Kept and rejected, by the micrograph's name.
    """
    names = list(counts)
    title = "Particles of each micrograph"
    if len(names) > MOST_MICROGRAPHS:
        names = sorted(names, key=lambda name: -counts[name][1])[:MOST_MICROGRAPHS]
        title = f"The {MOST_MICROGRAPHS} of {len(counts)} micrographs that lose most particles"
    figure = page()
    axis = figure.subplots()
    kept = np.array([counts[name][0] for name in names])
    rejected = np.array([counts[name][1] for name in names])
    rows = np.arange(len(names))
    small = SMALL if len(names) <= FEW_MICROGRAPHS else 7
    axis.barh(rows, kept, color=KEPT, label="kept")
    axis.barh(rows, rejected, left=kept, color=REJECTED, label="rejected")
    axis.set_yticks(rows, [name.rsplit("/", 1)[-1][-40:] for name in names], fontsize=small)
    axis.invert_yaxis()
    axis.set_xlabel("particles")
    axis.set_title(title, fontsize=LARGE)
    # Beside the title, where no bar lies.
    axis.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2, frameon=False)
    return figure
