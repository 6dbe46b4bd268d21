"""The report of a classification: its averages by size, and how it came to them."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from ...figures.pages import write_pages, write_picture
from ...sets.classes.learn import Learned
from ...wording import counted
from ..record import Device
from .images import Field
from .options import CLASSES, MONTAGE, ClassifyOptions
from .record import ClassifyRecord
from .result import Classified

COLUMNS, ROWS = 8, 6
"""Of averages on a page."""
FAINT = 1e-3
"""A range of grey below this part of the noise's standard deviation is shown as flat."""
_PAGE = (8.27, 11.69)
_SIDE, _WIDEST = 1.25, 3.5
"""Inches: of the smallest and the largest picture of an average."""
_WIDTH, _LINE = 74, 0.021
"""Characters of a line of facts, and its height as a part of the page."""


def report(
    options: ClassifyOptions,
    field: Field,
    found: Classified,
    learned: Learned,
    record: ClassifyRecord,
) -> None:
    """Write the report, and the first page's averages as a picture.

    Parameters
    ----------
    options, field, found, learned
        Of the run.
    record
        The run's record so far.
    """
    count = len(found.averages)
    write_picture(options.out / MONTAGE, montage(found, field, 0, min(count, 64)), 110)
    pages = [_facts(options, found, learned, record)]
    for start in range(0, count, COLUMNS * ROWS):
        pages.append(montage(found, field, start, min(start + COLUMNS * ROWS, count)))
    write_pages(options.out / options.report, pages)


def last_lines(options: ClassifyOptions, record: ClassifyRecord) -> str:
    """Say in a few lines what was made and where it is."""
    empty = f", {record.empty} of them empty" if record.empty else ""
    made = (options.output.name, CLASSES, MONTAGE, options.report)
    return "\n".join(
        [
            f"{counted(record.particles, 'particle')} in "
            f"{counted(record.classes, 'class', 'classes')}{empty}: "
            f"{record.total_seconds} s",
            *(f"  {options.out / name}" for name in made),
        ]
    )


def montage(found: Classified, field: Field, start: int, stop: int) -> Figure:
    """Draw averages side by side, each in its own grey range, with number, share, resolution."""
    columns = min(COLUMNS, stop - start)
    rows = -(-(stop - start) // columns)
    side = max(_SIDE, min(_WIDEST, _PAGE[0] / columns))  # few averages fill the page, too
    letters = 7 if side < 1.6 else 9
    figure = Figure(
        figsize=(max(5.2, side * columns + 0.3), (side + 0.3) * rows + 0.6), layout="constrained"
    )
    axes = figure.subplots(rows, columns, squeeze=False)
    total = found.counts.sum()
    bar = _round_length(field.box * field.pixel_size / 3)
    for place, axis in enumerate(axes.flat):
        axis.set_axis_off()
        number = start + place
        if number >= stop:
            continue
        average = found.averages[number].numpy()
        top = max(float(average.max()), float(average.min()) + FAINT)
        axis.imshow(
            average, cmap="gray", interpolation="bilinear", vmin=float(average.min()), vmax=top
        )
        resolution = found.resolution[number]
        seen = f"{resolution:.0f} Å" if np.isfinite(resolution) else "only one half"
        seen = seen if found.shows[number] else "nothing seen"
        share = 100 * found.counts[number] / total
        axis.set_title(
            f"{number + 1}: {found.counts[number]}\n{share:.1f} %, {seen}", fontsize=letters
        )
        left, low = 1, field.box - 2
        axis.plot([left, left + bar / field.pixel_size], [low, low], color="white", lw=2)
    figure.supxlabel(
        f"class: images; share, resolution between halves. The bar is {bar:g} Å.", fontsize=letters
    )
    return figure


def _facts(
    options: ClassifyOptions, found: Classified, learned: Learned, record: ClassifyRecord
) -> Figure:
    figure = Figure(figsize=_PAGE)
    best = ", ".join(
        f"{number + 1} ({count})" for number, count in enumerate(found.counts[:-1][:10].tolist())
    )
    threads = counted((record.device or Device()).threads, "thread")
    lines = [
        ("input", str(options.particles)),
        ("particles", str(record.particles)),
        ("classes", f"{record.classes}; the largest: {best}"),
        ("empty", f"{counted(record.empty, 'image')} with noise alone"),
        ("mask", f"{record.mask_diameter} Å in diameter"),
        ("seen at", f"{record.box_seen} px of {record.pixel_size_seen} Å"),
        ("evidence", _evidence(record.held_out)),
        ("CTF", "as the rows say" if record.ctf else "none"),
        ("time", f"{record.total_seconds} s on {threads}"),
    ]
    figure.text(0.08, 0.95, "2D classes", fontsize=18, weight="bold")
    y = 0.92
    for name, value in lines:
        words = textwrap.wrap(value, _WIDTH)
        figure.text(0.08, y, name, fontsize=10, color="0.4", va="top")
        figure.text(0.24, y, "\n".join(words), fontsize=10, va="top", linespacing=1.3)
        y -= _LINE * len(words) + 0.002
    axis = figure.add_axes((0.12, 0.42, 0.8, 0.24))
    axis.xaxis.set_major_locator(MaxNLocator(integer=True))
    axis.plot(np.arange(1, len(learned.log_likelihoods) + 1), learned.log_likelihoods, "o-", ms=3)
    axis.set_xlabel("iteration")
    axis.set_ylabel("mean log-likelihood over noise alone")
    y = 0.36
    for note in [*record.warnings, *_ADVICE]:
        text = figure.text(0.08, y, note, fontsize=9, wrap=True, va="top")
        text.set_in_layout(False)
        y -= 0.018 * (1 + len(note) // 95) + 0.012
    return figure


_ADVICE = (
    "The images are not changed: particles.star holds the same rows and images, with a class, a "
    "turn and an offset each.",
    "The resolution says down to what detail two halves of the set, learned apart, agree on a "
    "class. It is too modest where the halves made different classes.",
    "'Only one half': the other half has no such average. 'Nothing seen': so it is, and the images "
    "of the class look like noise to the half that they do not belong to.",
    "A class of neighbours, ice or carbon is a class too: look at the averages before you select.",
)


def _evidence(held_out: dict[str, float] | None) -> str:
    """Say what images say of others that nothing was learned from."""
    if held_out is None:
        return "too few images to tell"
    return (
        f"{held_out['mean']:.2f} ± {held_out['error']:.2f} nats an image over noise alone, in "
        f"{held_out['images']} images that the averages were not made of"
    )


def _round_length(length: float) -> float:
    """Give the longest of 1, 2, 5, 10, 20 … Å that is not above a length."""
    power = 10 ** np.floor(np.log10(length))
    return float(max(step for step in (1, 2, 5) if step * power <= length * 1.0001) * power)
