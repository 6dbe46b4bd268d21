"""Pictures of a comparison: every method's images, profiles and residuals, models side by side."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ..figures.axes import enlarge, frequencies, line_style, resolution_axis
from ..figures.gallery import PAGE, RAW_SPREAD
from ..figures.montage import Range, common_range, montage
from ..signal.spectrum import radial_power

Images = npt.NDArray[np.float32]

WIDTH = 8.3
"""A4 portrait, inches."""
MOST_ROWS = 7
"""Of one page, one below the other: more stand in two columns, so that a screen shows them large.
"""
LETTERS, TITLE = 11.0, 13.0
"""Points."""
_LETTER = 0.1
"""Inches that a letter of a row's name takes."""
_MARGIN = 0.12
TRUTH, NOISY = "truth", "raw"


def methods_page(title: str, rows: dict[str, Images], pixel_size: float) -> Figure:
    """Show the same particles after every method, a row each.

    Parameters
    ----------
    title
        Above the page.
    rows
        Name → (k, box, box); the images of a row share one grey range, and each row has its own.
    pixel_size
        Å.
    """
    shown: dict[str, tuple[Images, Range]] = {
        name: (images, RAW_SPREAD if name == NOISY else common_range(images))
        for name, images in rows.items()
    }
    return _page(f"{title}; one grey range a row", shown, pixel_size)


def profiles_page(title: str, rows: dict[str, Images], pixel_size: float) -> Figure:
    """Draw grey values along a line, and the spectra of what differs from the truth.

    Parameters
    ----------
    title
        Above the page.
    rows
        Name → (k, box, box), with the truth under `TRUTH`. Each is brought to the truth's scale by
        least squares before it is compared.
    pixel_size
        Å.
    """
    truth = rows[TRUTH]
    fitted = {name: fit(images, truth) for name, images in rows.items() if name != TRUTH}
    figure = _figure(1.6 * WIDTH, 0.8 * WIDTH)
    figure.suptitle(title, fontsize=TITLE)
    left, right = figure.subplots(1, 2)
    _profiles(left, fitted, truth, pixel_size)
    _residual_spectra(right, fitted, truth, pixel_size)
    enlarge(figure)
    return figure


def residuals_page(title: str, rows: dict[str, Images], pixel_size: float) -> Figure:
    """Show what is left of each image, brought to the truth's scale, when the truth is taken off.

    Parameters
    ----------
    title
        Above the page.
    rows, pixel_size
        See `profiles_page`.
    """
    truth = rows[TRUTH]
    spread = 2.5 * float(truth.std())
    left = {name: fit(images, truth) - truth for name, images in rows.items() if name != TRUTH}
    return _page(
        f"{title}, grey range ±{spread:.2g} background sd",
        {name: (images, spread) for name, images in {TRUTH: truth, **left}.items()},
        pixel_size,
    )


def _page(title: str, rows: Mapping[str, tuple[Images, Range]], pixel_size: float) -> Figure:
    """Show rows of images on a page that is as high as they then are; see `montage`."""
    beside = 2 if len(rows) > MOST_ROWS else 1
    width = WIDTH if beside == 1 else PAGE[0]
    per = -(-len(rows) // beside)
    parts = [[*rows.items()][start : start + per] for start in range(0, len(rows), per)]
    columns = max(len(images) for images, _ in rows.values())
    names = 0.4 + _LETTER * max(map(len, rows))
    height = 0.8 + (width / beside - names) / columns * per
    figure = _figure(width, height)
    figure.suptitle(textwrap.fill(title, int(9 * width)), fontsize=TITLE)
    for axes, part in zip(figure.subplots(1, beside, squeeze=False)[0], parts, strict=True):
        montage(axes, dict(part), pixel_size, size=LETTERS)
        axes.set_anchor("NE")  # room that is left over goes to the names
    return figure


def _figure(width: float, height: float) -> Figure:
    engine = ConstrainedLayoutEngine(w_pad=_MARGIN, h_pad=_MARGIN)
    return Figure(figsize=(width, height), layout=engine)


def fit(images: Images, truth: Images) -> Images:
    """Bring (k, box, box) images to the truth's scale by least squares, each on its own."""
    apart = images - images.mean(axis=(1, 2), keepdims=True)
    level = truth.mean(axis=(1, 2), keepdims=True)
    power = (apart**2).mean(axis=(1, 2), keepdims=True)
    cross = (apart * (truth - level)).mean(axis=(1, 2), keepdims=True)
    slope = np.divide(cross, power, out=np.zeros_like(cross), where=power > 1e-12)
    return np.asarray(level + slope * apart, dtype=np.float32)


def busiest_line(truth: Images) -> int:
    """Give the row of a (box, box) image along which grey values vary most."""
    return int(truth.std(axis=1).argmax())


def _profiles(axes: Axes, fitted: dict[str, Images], truth: Images, pixel_size: float) -> None:
    line = busiest_line(truth[0])
    along = (np.arange(truth.shape[-1]) - truth.shape[-1] // 2) * pixel_size
    for number, (name, images) in enumerate(_quiet(fitted).items()):
        colour, dashes = line_style(number)
        axes.plot(along, images[0, line], lw=1.2, color=colour, ls=dashes, label=name)
    axes.plot(along, truth[0, line], lw=1.8, color="k", label=TRUTH)
    axes.set_xlabel("Å from the centre of the first particle, along its busiest line")
    axes.set_ylabel("grey value (background sd)")
    axes.legend(loc="upper right")


def _residual_spectra(
    axes: Axes, fitted: dict[str, Images], truth: Images, pixel_size: float
) -> None:
    for number, (name, images) in enumerate(_quiet(fitted).items()):
        _spectrum(axes, images - truth, pixel_size, name, line_style(number))
    _spectrum(axes, truth, pixel_size, "the truth itself", ("k", "-"))
    resolution_axis(axes, 0.5 / pixel_size)
    axes.set_title("power of what differs from the truth")
    axes.legend(loc="upper right")


def _spectrum(
    axes: Axes, images: Images, pixel_size: float, label: str, style: tuple[str, str]
) -> None:
    power = radial_power(torch.from_numpy(np.ascontiguousarray(images))).mean(0).numpy()
    frequency = frequencies(len(power), pixel_size)
    colour, dashes = style
    axes.semilogy(
        frequency[1:], np.maximum(power[1:], 1e-6), color=colour, ls=dashes, lw=1.5, label=label
    )


def _quiet(fitted: dict[str, Images]) -> dict[str, Images]:
    """Leave the raw images out of curves, which they would hide."""
    return {name: images for name, images in fitted.items() if name != NOISY}
