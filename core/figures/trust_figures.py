"""Pictures of the trust report: the gate, the noise, the confidences, agreement with the truth."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..evaluate.data_set import Background, NoiseMatch
from ..evaluate.gate import Check
from ..wording import counted
from .axes import LARGE, enlarge, frequencies, mark_limit, resolution_axis
from .gallery import DENOISED, PAGE, RAW, REMOVED, page

Floats = npt.NDArray[np.float64]

GOOD, BAD = "#15803d", "#b91c1c"


def gate_page(checks: Sequence[Check]) -> Figure:
    """Make a page of verdicts: what was found, the bar, and what it means."""
    figure = Figure(figsize=PAGE)
    figure.text(0.06, 0.92, "Does it invent things?", fontsize=18, weight="bold")
    step = 0.84 / max(len(checks), 5)
    for number, check in enumerate(checks):
        top = 0.86 - number * step
        word, colour = ("passed", GOOD) if check.passed else ("FAILED", BAD)
        figure.text(0.06, top, check.title, fontsize=12, weight="bold", va="top")
        figure.text(0.06, top - 0.028, word, fontsize=12, weight="bold", color=colour, va="top")
        figure.text(0.06, top - 0.056, f"the {check.tried}\n{check.value:.3f} ({check.side} "
                    f"{check.bar:g})", fontsize=9, color="#555555", va="top")  # fmt: skip
        figure.text(0.28, top, textwrap.fill(check.sentence, 100), fontsize=10, va="top")
    return figure


def noise_page(
    about: Background, match: NoiseMatch | None, pixel_size: float, limit: float
) -> Figure:
    """Draw the spectrum of the background about the particles, and of the noise of training.

    Parameters
    ----------
    about, match
        Of `data_set`; None where the noise of training is not at hand.
    pixel_size
        Å.
    limit
        Å, the finest resolution that the network sees.
    """
    figure = page()
    axes = figure.subplots()
    frequency = frequencies(len(about.power), pixel_size)
    axes.semilogy(
        frequency[1:], np.maximum(about.power[1:], 1e-6), color=RAW, lw=2,
        label=f"background of these particles (skewness {about.skewness:+.3f}, "
        f"excess kurtosis {about.kurtosis:+.3f})",
    )  # fmt: skip
    title = "Noise about the particles; the model's training noise is not at hand"
    if match is not None:
        axes.semilogy(
            frequency[1:], np.maximum(match.power[1:], 1e-6), color=DENOISED, lw=2, ls="--",
            label=f"noise {match.source}, scaled (skewness {match.skewness:+.3f}, "
            f"excess kurtosis {match.kurtosis:+.3f})",
        )  # fmt: skip
        if match.lowest is not None and match.highest is not None:
            axes.fill_between(
                frequency[1:], np.maximum(match.lowest[1:], 1e-6),
                np.maximum(match.highest[1:], 1e-6), color=DENOISED, alpha=0.15, lw=0,
                label="90 % of the images of that noise",
            )  # fmt: skip
        title = (
            f"Noise about the particles and {match.source}: alike within a factor {match.ratio:.2f}"
        )
    resolution_axis(axes, 0.5 / pixel_size)
    mark_limit(axes, limit, pixel_size)
    axes.set_ylabel("power per coefficient (white noise of the background's sd has 1)")
    axes.set_title(title)
    axes.legend(loc="lower left")
    enlarge(figure)
    return figure


def confidence_page(values: Floats, whole: bool) -> Figure:
    """Draw the histogram of confidences of all particles, or of a sample."""
    figure = page()
    axes = figure.subplots()
    axes.hist(values, bins=np.linspace(0, 1, 41).tolist(), color=DENOISED)
    axes.axvline(float(np.median(values)), color="k", lw=1)
    axes.text(float(np.median(values)), 0.98, f" median {np.median(values):.2f}", va="top",
              fontsize=LARGE, transform=axes.get_xaxis_transform())  # fmt: skip
    axes.set_xlim(0, 1)
    axes.set_xlabel("confidence: expected correlation with the truth inside the particle")
    axes.set_ylabel("particles")
    what = "all" if whole else "a sample of"
    axes.set_title(f"Confidence of {what} {counted(len(values), 'particle')}")
    enlarge(figure)
    return figure


def truth_page(
    curves: dict[str, Floats], correlations: dict[str, Floats], pixel_size: float
) -> Figure:
    """Draw how raw and denoised images agree with the true ones.

    Parameters
    ----------
    curves
        Name and Fourier ring correlation (rings,) with the truth.
    correlations
        Name and correlations (n,) with the truth inside the particles.
    pixel_size
        Å.
    """
    figure = page()
    left, right = figure.subplots(1, 2)
    colours = {"raw": RAW, "denoised": DENOISED}
    for name, curve in curves.items():
        frequency = frequencies(len(curve), pixel_size)
        left.plot(frequency[1:], curve[1:], color=colours.get(name, REMOVED), lw=2, label=name)
    for level in (0.5, 1 / 7):
        left.axhline(level, color="k", lw=0.6, ls=":")
    resolution_axis(left, 0.5 / pixel_size)
    left.set(ylabel="Fourier ring correlation", ylim=(-0.1, 1))
    left.set_title("Agreement with the truth by resolution")
    left.legend(loc="upper right")
    _histograms(right, correlations, colours)
    enlarge(figure)
    return figure


def _histograms(axes: Axes, values: dict[str, Floats], colours: dict[str, str]) -> None:
    for name, found in values.items():
        label = f"{name}, mean {found.mean():.3f}"
        edges = np.linspace(-0.2, 1, 37).tolist()
        axes.hist(found, bins=edges, alpha=0.6, color=colours.get(name, REMOVED), label=label)
    axes.set(xlabel="correlation with the truth inside the particle", ylabel="particles")
    axes.set_title("Agreement with the truth by particle")
    axes.legend(loc="upper left")
