"""Pictures of particles before and after, and of their power spectra."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING

import numpy as np
import torch
from matplotlib.figure import Figure
from scipy.ndimage import gaussian_filter

from ..images.background import ring_statistics
from ..noise.spectrum import radial_power

if TYPE_CHECKING:
    import numpy.typing as npt

    Images = npt.NDArray[np.float32]

PAGE = (11.7, 8.3)
"""A4 landscape, inches."""
RAW, DENOISED, REMOVED = "#7f7f7f", "#c2410c", "#1d4ed8"


def normalise(images: Images) -> Images:
    """Bring (n, box, box) images to background mean 0, sd 1; constant ones become 0."""
    raw = torch.from_numpy(np.nan_to_num(images))
    mean, sd = ring_statistics(raw)
    return np.asarray(((raw - mean) / torch.where(sd > 0, sd, torch.inf)).numpy())


def grey(image: Images, spread: float = 0.0) -> Images:
    """Map one image to 0 (black) to 1 (white), by its own percentiles or by ±`spread`."""
    low, high = (-spread, spread) if spread else np.percentile(image, (0.5, 99.5))
    return np.clip((image - low) / max(high - low, 1e-6), 0, 1).astype(np.float32)


def montage(figure: Figure, rows: dict[str, tuple[Images, float]]) -> None:
    """Draw rows of images with a label each, in one axes (many axes are slow).

    Parameters
    ----------
    figure
        Where to draw.
    rows
        Label → images (n, box, box) and their `spread` (see `grey`).
    """
    lines = []
    for images, spread in rows.values():
        gap = max(1, images.shape[-1] // 40)
        cells = [np.pad(grey(i, spread), gap, constant_values=1) for i in images]
        lines.append(np.concatenate(cells, axis=1))
    axes = figure.subplots()
    axes.imshow(np.concatenate(lines), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    height = lines[0].shape[0]
    axes.set_yticks([height * (k + 0.5) for k in range(len(lines))], list(rows), fontsize=10)
    axes.set_xticks([])
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def gallery(raw: Images, denoised: Images, pixel_size: float, title: str) -> Figure:
    """Rows raw, raw low-passed to 20 Å, denoised, difference; a column a particle.

    Parameters
    ----------
    raw, denoised : (n, box, box)
        In the same units (background sd 1).
    pixel_size
        Å.
    title
        Above the page.
    """
    # A Gaussian of this sigma halves amplitudes at 20 Å.
    sigma = 20 / (2 * np.pi) * np.sqrt(2 * np.log(2)) / pixel_size
    smooth = gaussian_filter(raw, (0, sigma, sigma))
    figure = Figure(figsize=PAGE, layout="constrained")
    figure.suptitle(title, fontsize=11)
    montage(
        figure,
        {
            "raw": (raw, 4.0),
            "20 Å low-pass": (smooth, 0.0),
            "denoised": (denoised, 0.0),
            "taken off": (raw - denoised, 4.0),
        },
    )
    return figure


def spectra(raw: Images, denoised: Images, pixel_size: float, limit: float) -> Figure:
    """Mean radial power of raw images, denoised images and of what was taken off.

    Parameters
    ----------
    raw, denoised : (n, box, box)
        In the same units.
    pixel_size
        Å.
    limit
        Å, the finest resolution that the network sees.
    """
    figure = Figure(figsize=PAGE, layout="constrained")
    axes = figure.subplots()
    curves = {
        "raw": (raw, RAW),
        "denoised": (denoised, DENOISED),
        "taken off (raw − denoised)": (raw - denoised, REMOVED),
    }
    for label, (images, colour) in curves.items():
        power = radial_power(torch.from_numpy(np.ascontiguousarray(images))).mean(0).numpy()
        frequency = np.linspace(0, 0.5 / pixel_size, len(power))
        axes.semilogy(frequency[1:], np.maximum(power[1:], 1e-7), label=label, color=colour)
    axes.axvline(1 / limit, color="k", lw=0.8, ls=":")
    axes.text(1 / limit, 0.99, f" {limit:.1f} Å: the network's limit", fontsize=8,
              transform=axes.get_xaxis_transform(), va="top")  # fmt: skip
    axes.set_xlabel("spatial frequency (1/Å)")
    axes.set_ylabel("power per coefficient (white noise of sd 1 has 1)")
    axes.set_ylim(1e-5, None)
    axes.set_title(f"Radial power spectra, mean of {len(raw)} particles", fontsize=11)
    axes.legend()
    top = axes.secondary_xaxis("top", functions=(_invert, _invert))
    top.set_xticks([40, 20, 10, 8, 6, 4, 3])
    top.set_xlabel("resolution (Å)")
    return figure


def _invert(x: npt.ArrayLike) -> npt.NDArray[np.float64]:
    return np.asarray(1 / np.maximum(np.abs(x), 1e-6))


def text_page(title: str, lines: list[tuple[str, str]], advice: list[str]) -> Figure:
    """Make a page of facts and advice.

    Parameters
    ----------
    title
        In large letters.
    lines
        Label and value pairs.
    advice
        Sentences, one a paragraph.
    """
    figure = Figure(figsize=PAGE)
    figure.text(0.06, 0.92, title, fontsize=18, weight="bold")
    y = 0.85
    for label, value in lines:
        figure.text(0.06, y, label, fontsize=10, color="#555555")
        figure.text(0.28, y, textwrap.shorten(value, 105, placeholder=" …"), fontsize=10)
        y -= 0.034
    y -= 0.03
    for sentence in advice:
        paragraph = textwrap.fill(sentence, 125)
        figure.text(0.06, y, paragraph, fontsize=10, va="top")
        y -= 0.027 * (1 + paragraph.count("\n")) + 0.02
    return figure
