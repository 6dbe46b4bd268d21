"""Pictures of a noise bank: its blocks, its spectra, its statistics."""

from __future__ import annotations

import textwrap

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..noise.bank import NoiseBank
from ..noise.inspection import Inspection
from ..wording import counted
from .axes import LARGE, SMALL, enlarge, resolution_axis
from .gallery import DENOISED, PAGE, RAW, REMOVED, page
from .montage import montage
from .text_page import Rows

COLUMNS, STRIP = 9, 8
"""Blocks of a row of the page, and of a report's first page."""
_ROWS = 6


def block_page(bank: NoiseBank) -> Figure:
    """Show blocks spread over a bank, those of each source in rows of their own, ±4 sd."""
    sources = bank.table["source"]
    kinds = list(dict.fromkeys(sources))
    lines = {}
    for kind in kinds:
        rows = np.flatnonzero(sources == kind)
        depth = max(1, min(_ROWS - len(kinds) + 1, -(-len(rows) // COLUMNS)))
        depth = depth if kind == kinds[0] else 1
        places = np.linspace(0, len(rows) - 1, min(len(rows), depth * COLUMNS))
        # 99 is far off the grey range: cells without a block are white.
        cells = np.full((depth * COLUMNS, bank.box, bank.box), 99, dtype=np.float32)
        cells[: len(places)] = bank.blocks(rows[places.round().astype(int)])
        for k in range(depth):
            # Blanks make labels of their own for further rows of a kind.
            lines[kind + " " * k] = (cells[k * COLUMNS : (k + 1) * COLUMNS], 4.0)
    figure = page()
    figure.suptitle(
        "Blocks spread over the bank: grey range ±4 sd of the background", fontsize=LARGE
    )
    montage(figure.subplots(), lines, bank.pixel_size)
    return figure


def block_strip(bank: NoiseBank) -> Rows:
    """Choose two rows of blocks, spread over a bank, for a report's first page."""
    chosen = np.linspace(0, bank.n - 1, min(bank.n, 2 * STRIP)).round().astype(int)
    blocks = bank.blocks(chosen)
    half = -(-len(blocks) // 2)
    second = np.full_like(blocks[:half], 99)
    second[: len(blocks) - half] = blocks[half:]
    return {"noise": (blocks[:half], 4.0), "blocks": (second, 4.0)}


def spectrum_page(
    seen: Inspection, regions: npt.NDArray[np.float64] | None = None, title: str = ""
) -> Figure:
    """Mean radial power of the blocks, and of whole empty regions.

    Parameters
    ----------
    seen
        Of the bank.
    regions : (m, rings)
        Power of the empty regions of m micrographs; see `region_spectrum.region_power`.
    title
        Above the page.
    """
    figure = page()
    axes = figure.subplots()
    frequency = seen.frequency
    axes.fill_between(
        frequency[1:], seen.low[1:], seen.high[1:], color=DENOISED, alpha=0.2, lw=0,
        label="90 % of the blocks",
    )  # fmt: skip
    if regions is not None and len(regions):
        for region in regions:
            axes.plot(frequency[1:], region[1:], color=RAW, lw=0.5, alpha=0.6)
        label = f"empty regions, mean of {counted(len(regions), 'micrograph')} (each in grey)"
        axes.plot(frequency[1:], regions.mean(axis=0)[1:], color=REMOVED, lw=2, label=label)
    axes.plot(
        frequency[1:], seen.power[1:], color=DENOISED, lw=2, ls="--",
        label=f"blocks, mean of {len(seen.sample)}",
    )  # fmt: skip
    axes.set_yscale("log")
    resolution_axis(axes, float(frequency[-1]))
    axes.set_ylabel("power per coefficient (white noise of the background's sd has 1)")
    axes.set_title(title or "Radial power spectra")
    axes.legend(loc="upper right")
    enlarge(figure)
    return figure


def statistics_page(seen: Inspection) -> Figure:
    """Blocks and sd by micrograph; skewness and kurtosis beside those of Gaussian noise."""
    figure = page()
    counts, spread, skewness, kurtosis = figure.subplots(2, 2).ravel()
    table = seen.micrographs
    place = np.arange(1, len(table) + 1)
    counts.bar(place, table["blocks"], color=RAW, width=1 if len(table) > 60 else 0.8)
    counts.set(xlabel="micrograph", ylabel="blocks", title="Blocks by micrograph")
    spread.plot(place, table["sd"], ".", color=DENOISED)
    spread.set(xlabel="micrograph", ylabel="grey values", title="Median sd of the blocks")
    for axes in (counts, spread):
        axes.xaxis.get_major_locator().set_params(integer=True)
    for axes, name, words in (
        (skewness, "skewness", "Skewness"),
        (kurtosis, "kurtosis", "Excess kurtosis"),
    ):
        _compare(axes, getattr(seen.blocks, name), getattr(seen.null, name))
        axes.set(xlabel=words.lower(), ylabel="part of the blocks a bin", title=words)
    skewness.legend(loc="upper right")
    enlarge(figure)
    return figure


def _compare(axes: Axes, blocks: npt.NDArray[np.float64], null: npt.NDArray[np.float64]) -> None:
    both = np.concatenate([blocks, null])
    low, high = np.percentile(both, (0.5, 99.5))
    edges = np.linspace(low, max(high, low + 1e-6), 41)
    for values, colour, label in (
        (null, REMOVED, "Gaussian noise of the same spectra"),
        (blocks, DENOISED, "blocks"),
    ):
        weights = np.full(len(values), 1 / len(values))
        axes.hist(np.clip(values, *edges[[0, -1]]), edges.tolist(), weights=weights, color=colour,
                  alpha=0.5, label=label)  # fmt: skip


def picture_page(pictures: list[tuple[str, npt.NDArray[np.uint8]]], title: str) -> Figure:
    """Show up to six pictures (h, w, 3), each with a line below it."""
    figure = page()
    figure.suptitle(title, fontsize=LARGE)
    shape = (1, len(pictures)) if len(pictures) <= 2 else (2, 3)
    cells = figure.subplots(*shape, squeeze=False).ravel()
    for axes in cells:
        axes.axis("off")
    for axes, (label, picture) in zip(cells, pictures, strict=False):
        axes.imshow(picture)
        axes.set_title(textwrap.fill(label, 46), fontsize=SMALL, y=-0.03, va="top")
    return figure


def table_page(title: str, text: str) -> Figure:
    """Make a page of a table in letters of one width."""
    figure = Figure(figsize=PAGE)
    figure.text(0.06, 0.92, title, fontsize=18, weight="bold")
    figure.text(0.06, 0.88, text, fontsize=11, family="monospace", va="top")
    return figure
