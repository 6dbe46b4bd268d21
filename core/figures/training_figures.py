"""Pictures of a training run: the course of its losses and scores, and fixed samples."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..denoise.training.held_out import HeldOut, Images, pick
from .axes import LARGE, enlarge, line_style
from .gallery import PAGE, page
from .montage import OWN, Labels, montage
from .text_page import Rows

Row = dict[str, float]

LOSSES = {
    "pixel": "pixels, over an all-zero answer's",
    "perceptual": "perceptual",
    "adversarial": "adversarial",
    "discriminator": "discriminator",
}
LEVELS = {"raw": "--", "best low-pass": ":"}
"""Methods that need no training, and their dashes."""
SHOWN = 3
"""Images at each SNR."""


def curves(rows: Sequence[Row], levels: dict[str, dict[float, float]], title: str) -> Figure:
    """Draw the losses on the left and the held-out scores on the right.

    Parameters
    ----------
    rows
        Of metrics.csv.
    levels
        Scores at each SNR of the methods of `LEVELS`, drawn as broken lines.
    title
        Above the page.
    """
    figure = page()
    figure.suptitle(title, fontsize=LARGE)
    left, right = figure.subplots(1, 2)
    _draw_losses(left, rows)
    for number, snr in enumerate(next(iter(levels.values()))):
        colour = line_style(number)[0]
        steps, values = _course(rows, f"correlation_{snr:g}")
        right.plot(steps, values, "o-", ms=4, color=colour, label=f"model, SNR {snr:g}")
        for name, scores in levels.items():
            right.axhline(scores[snr], ls=LEVELS[name], lw=1.5, color=colour)
    for name in levels:
        right.plot([], [], ls=LEVELS[name], color="k", label=f"{name}, same colours")
    right.set_title("held-out correlation inside the mask")
    right.set_xlabel("step")
    right.legend(loc="lower right")
    enlarge(figure)
    return figure


def _draw_losses(axes: Axes, rows: Sequence[Row]) -> None:
    for number, (name, label) in enumerate(LOSSES.items()):
        steps, values = _course(rows, name)
        if name == "pixel":
            values = values / np.maximum(_course(rows, "zero")[1], 1e-12)
        if len(steps):
            axes.plot(steps, values, color=line_style(number)[0], lw=1.8, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_title("losses")
    steps, rates = _course([row for row in rows if "loss" in row], "learning_rate")
    if len(steps):
        axes.legend(loc="upper right")
        rate = axes.twinx()
        rate.plot(steps, rates, color="#aaaaaa", lw=0.8)
        rate.set_ylim(0, None)
        rate.set_ylabel("learning rate (grey)", color="#777777")
        rate.tick_params(colors="#777777")


def _course(rows: Sequence[Row], name: str) -> tuple[np.ndarray, np.ndarray]:
    """Give steps and values of the rows that have a number there."""
    found = [(row["step"], row[name]) for row in rows if row.get(name, np.nan) == row.get(name)]
    steps, values = np.array(found, dtype=np.float64).reshape(-1, 2).T
    return steps, values


def samples(held_out: HeldOut, denoised: Images, low_pass: Images, title: str) -> Figure:
    """Show some held-out images: noisy, filtered, denoised, and the truth, at all SNRs.

    Parameters
    ----------
    held_out
        The pairs.
    denoised, low_pass
        The same images after the network and after the best low-pass filter.
    title
        Above the page.
    """
    chosen = pick(held_out, SHOWN)
    figure = Figure(figsize=(PAGE[0], 0.55 * PAGE[0]), layout="constrained")
    counts = Labels(groups={f"SNR {snr:g}": len(places) for snr, places in chosen.items()})
    figure.suptitle(
        f"{title}: held-out images\nGrey range ±4 sd for noisy ones, each image's own for the rest",
        fontsize=LARGE,
    )
    pixel_size = float(next(iter(held_out.sets.values())).pixel_size[0])
    montage(figure.subplots(), sample_rows(held_out, denoised, low_pass), pixel_size, counts)
    return figure


def sample_rows(held_out: HeldOut, denoised: Images, low_pass: Images) -> Rows:
    """Choose some held-out images of each SNR, after each method; see `montage`."""
    chosen = pick(held_out, SHOWN)

    def row(images: Images) -> np.ndarray:
        return np.concatenate([images[snr][places].cpu().numpy() for snr, places in chosen.items()])

    clean = {snr: pairs.clean for snr, pairs in held_out.sets.items()}
    return {
        "noisy": (row(held_out.noisy), 4.0),
        "low-pass": (row(low_pass), OWN),
        "denoised": (row(denoised), OWN),
        "truth": (row(clean), OWN),
    }
