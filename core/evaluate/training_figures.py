"""Pictures of a training run: the course of its losses and scores, and fixed samples."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from .gallery import PAGE, montage
from .held_out import pick

if TYPE_CHECKING:
    from collections.abc import Sequence

    from matplotlib.axes import Axes

    from .held_out import HeldOut, Images

    Row = dict[str, float]

LOSSES = {
    "pixel": "pixels, over an all-zero answer's",
    "perceptual": "perceptual",
    "adversarial": "adversarial",
    "discriminator": "discriminator",
}
COLOURS = ("#c2410c", "#1d4ed8", "#15803d", "#7e22ce", "#0f766e")
SHOWN = 4
"""Images at each SNR."""


def curves(rows: Sequence[Row], raw: dict[float, float], title: str) -> Figure:
    """Draw the losses on the left and the held-out scores on the right.

    Parameters
    ----------
    rows
        Of metrics.csv.
    raw
        Score of the raw images at each SNR, drawn as broken lines.
    title
        Above the page.
    """
    figure = Figure(figsize=PAGE, layout="constrained")
    figure.suptitle(title, fontsize=11)
    left, right = figure.subplots(1, 2)
    _draw_losses(left, rows)
    for (snr, level), colour in zip(raw.items(), COLOURS, strict=False):
        steps, values = _course(rows, f"correlation_{snr:g}")
        right.plot(steps, values, "o-", ms=3, color=colour, label=f"SNR {snr:g}")
        right.axhline(level, ls="--", lw=0.8, color=colour)
    right.set_title("held-out correlation inside the mask (broken lines: raw)", fontsize=10)
    right.set_xlabel("step")
    right.legend(fontsize=9)
    return figure


def _draw_losses(axes: Axes, rows: Sequence[Row]) -> None:
    for (name, label), colour in zip(LOSSES.items(), COLOURS, strict=False):
        steps, values = _course(rows, name)
        if name == "pixel":
            values = values / np.maximum(_course(rows, "zero")[1], 1e-12)
        if len(steps):
            axes.plot(steps, values, color=colour, lw=1.2, label=label)
    axes.set_yscale("log")
    axes.set_xlabel("step")
    axes.set_title("losses", fontsize=10)
    steps, rates = _course([row for row in rows if "loss" in row], "learning_rate")
    if len(steps):
        axes.legend(fontsize=9)
        rate = axes.twinx()
        rate.plot(steps, rates, color="#aaaaaa", lw=0.8)
        rate.set_ylim(0, None)
        rate.set_ylabel("learning rate (grey)", fontsize=8, color="#777777")
        rate.tick_params(labelsize=7, colors="#777777")


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

    def row(images: Images) -> np.ndarray:
        return np.concatenate([images[snr][places].cpu().numpy() for snr, places in chosen.items()])

    clean = {snr: pairs.clean for snr, pairs in held_out.sets.items()}
    figure = Figure(figsize=(PAGE[0], 0.45 * PAGE[0]), layout="constrained")
    snrs = ", ".join(f"{snr:g}" for snr in chosen)
    figure.suptitle(f"{title}; {SHOWN} each at SNR {snrs}, from left to right", fontsize=11)
    montage(
        figure,
        {
            "noisy": (row(held_out.noisy), 4.0),
            "low-pass": (row(low_pass), 0.0),
            "denoised": (row(denoised), 0.0),
            "truth": (row(clean), 0.0),
        },
    )
    return figure
