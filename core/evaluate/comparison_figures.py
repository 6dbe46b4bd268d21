"""Pictures of a comparison: every method's images, profiles and residuals, models side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure

from ..noise.spectrum import radial_power
from .gallery import montage

if TYPE_CHECKING:
    import numpy.typing as npt
    from matplotlib.axes import Axes

    Images = npt.NDArray[np.float32]

WIDTH = 8.3
"""A4 portrait, inches."""
_LETTER = 0.09
"""Inches that a letter of a row's name takes."""
RAW_SPREAD = 4.0
TRUTH, NOISY = "truth", "raw"
COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#0f766e", "#b45309", "#be185d", "#475569")


def methods_page(title: str, rows: dict[str, Images]) -> Figure:
    """Show the same particles after every method, a row each.

    Parameters
    ----------
    title
        Above the page.
    rows
        Name → (k, box, box); the raw images share one grey range, all others have their own.
    """
    spreads = {name: RAW_SPREAD if name == NOISY else 0.0 for name in rows}
    return _page(title, {name: (images, spreads[name]) for name, images in rows.items()})


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
    figure = Figure(figsize=(1.4 * WIDTH, 0.6 * WIDTH), layout="constrained")
    figure.suptitle(title, fontsize=11)
    left, right = figure.subplots(1, 2)
    _profiles(left, fitted, truth, pixel_size)
    _residual_spectra(right, fitted, truth, pixel_size)
    return figure


def residuals_page(title: str, rows: dict[str, Images]) -> Figure:
    """Show what is left of each image, brought to the truth's scale, when the truth is taken off.

    Parameters
    ----------
    title
        Above the page.
    rows
        See `profiles_page`.
    """
    truth = rows[TRUTH]
    spread = 2.5 * float(truth.std())
    left = {name: fit(images, truth) - truth for name, images in rows.items() if name != TRUTH}
    return _page(
        f"{title}, grey range ±{spread:.2g} background sd",
        {name: (images, spread) for name, images in {TRUTH: truth, **left}.items()},
    )


def _page(title: str, rows: dict[str, tuple[Images, float]]) -> Figure:
    """Show rows of images on a page that is as high as they then are; see `montage`."""
    columns = max(len(images) for images, _ in rows.values())
    names = _LETTER * max(map(len, rows))
    height = 0.4 + (WIDTH - names) / columns * len(rows)
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(title, fontsize=11)
    montage(figure, rows)
    figure.axes[0].set_anchor("E")  # room that is left over goes to the names
    return figure


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
    for (name, images), colour in zip(_quiet(fitted).items(), COLOURS, strict=False):
        axes.plot(along, images[0, line], lw=1.0, color=colour, label=name)
    axes.plot(along, truth[0, line], lw=1.8, color="k", label=TRUTH)
    axes.set_xlabel("Å from the centre, along the line on which the first particle varies most")
    axes.set_ylabel("grey value (background sd)")
    axes.legend(fontsize=7)


def _residual_spectra(
    axes: Axes, fitted: dict[str, Images], truth: Images, pixel_size: float
) -> None:
    for (name, images), colour in zip(_quiet(fitted).items(), COLOURS, strict=False):
        _spectrum(axes, images - truth, pixel_size, name, colour, 1.0)
    _spectrum(axes, truth, pixel_size, "the truth itself", "k", 1.8)
    axes.set_xlabel("spatial frequency (1/Å)")
    axes.set_title("power of what differs from the truth", fontsize=9)
    axes.legend(fontsize=7)


def _spectrum(
    axes: Axes, images: Images, pixel_size: float, label: str, colour: str, width: float
) -> None:
    power = radial_power(torch.from_numpy(np.ascontiguousarray(images))).mean(0).numpy()
    frequency = np.linspace(0, 0.5 / pixel_size, len(power))
    axes.semilogy(frequency[1:], np.maximum(power[1:], 1e-6), color=colour, lw=width, label=label)


def _quiet(fitted: dict[str, Images]) -> dict[str, Images]:
    """Leave the raw images out of curves, which they would hide."""
    return {name: images for name, images in fitted.items() if name != NOISY}
