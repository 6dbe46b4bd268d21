"""What a noise bank holds: counts, spectra, spread, and how Gaussian its blocks are."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from ..signal.spectrum import noise_with_power, radial_power
from ..wording import counted
from .bank import MODEL, REAL, NoiseBank
from .shading import remove_plane

Float = npt.NDArray[np.float64]

SAMPLE = 1024
"""Blocks at most whose pixels are looked at."""
SAMPLE_BYTES = 128 << 20
NULL = 256
"""Gaussian images at least that blocks are compared with."""
SEED = 0
ROWS = 40
"""Micrographs at most in a table."""
_RESOLUTIONS = (200, 100, 50, 30, 20, 15, 10, 8, 6, 5, 4, 3)


@dataclass(frozen=True)
class Moments:
    """Shape of the distribution of grey values, block by block."""

    skewness: Float
    """(k,)."""
    kurtosis: Float
    """(k,) excess: 0 for a Gaussian."""


@dataclass(frozen=True)
class Inspection:
    """What is known of a bank."""

    n: int
    box: int
    pixel_size: float
    """Å."""
    sources: dict[str, int]
    """Blocks by source."""
    micrographs: pd.DataFrame
    """A row for each micrograph, in the order of the bank: `micrograph`, `blocks` (all but `model`
    ones), and of the real ones `sd` (median, in grey values) and `spread` (sd of a pixel)."""
    power: Float
    """(rings,) mean radial power of the sampled real blocks; see `spectrum.radial_power`."""
    low: Float
    """(rings,) the power that 5 % of the blocks stay below."""
    high: Float
    """(rings,) the power that 5 % of the blocks exceed."""
    sample: npt.NDArray[np.int64]
    """(k,) rows of the blocks that were looked at."""
    blocks: Moments
    null: Moments
    """The same of Gaussian noise with each block's own radial spectrum."""

    @property
    def frequency(self) -> Float:
        """(rings,) in 1/Å."""
        return np.linspace(0, 0.5 / self.pixel_size, len(self.power))

    @property
    def outliers(self) -> float:
        """Part of the blocks whose skewness or kurtosis 99 % of the null's blocks do not reach."""
        odd = np.zeros(len(self.sample), dtype=bool)
        for name in ("skewness", "kurtosis"):
            null = getattr(self.null, name)
            odd |= _away(getattr(self.blocks, name), null) > np.quantile(_away(null, null), 0.99)
        return float(odd.mean())


def inspect(bank: NoiseBank, sample: int = SAMPLE) -> Inspection:
    """Look at a bank; of a large one at blocks spread evenly over it.

    Parameters
    ----------
    bank
        What to look at. Spectra and moments are those of its real blocks, or of all blocks where
        none is real.
    sample
        Blocks at most whose pixels are read.
    """
    table = bank.table
    real = np.flatnonzero(table["source"] == REAL)
    candidates = real if len(real) else np.arange(bank.n)
    count = min(sample, len(candidates), max(16, SAMPLE_BYTES // (4 * bank.box**2)))
    places = np.linspace(0, len(candidates) - 1, count).round().astype(np.int64)
    rows = candidates[np.unique(places)]
    blocks = bank.blocks(rows)
    power = radial_power(torch.from_numpy(blocks))
    low, high = np.quantile(power.double().numpy(), (0.05, 0.95), axis=0)
    return Inspection(
        n=bank.n,
        box=bank.box,
        pixel_size=bank.pixel_size,
        sources={str(k): int(v) for k, v in table["source"].value_counts(sort=False).items()},
        micrographs=_by_micrograph(table, rows, blocks),
        power=power.double().mean(0).numpy(),
        low=low,
        high=high,
        sample=rows,
        blocks=moments(blocks),
        null=moments(_gaussian_twins(power, bank.box)),
    )


def _gaussian_twins(power: torch.Tensor, box: int) -> npt.NDArray[np.float32]:
    """Make Gaussian noise with these spectra, at least `NULL` images, without planes as blocks."""
    repeats = -(-NULL // len(power))
    generator = torch.Generator().manual_seed(SEED)
    twins = noise_with_power(power.repeat(repeats, 1), box, generator).numpy()
    return np.stack([remove_plane(twin) for twin in twins])


def moments(blocks: npt.NDArray[np.float32]) -> Moments:
    """Skewness and excess kurtosis of the pixels of each block (k, box, box)."""
    flat = blocks.reshape(len(blocks), -1).astype(np.float64)
    flat = flat - flat.mean(axis=1, keepdims=True)
    variance = np.maximum((flat**2).mean(axis=1), 1e-30)
    skewness = (flat**3).mean(axis=1) / variance**1.5
    return Moments(skewness, (flat**4).mean(axis=1) / variance**2 - 3)


def describe(seen: Inspection) -> str:
    """Give what was found as text for a terminal."""
    table = seen.micrographs
    kinds = ", ".join(f"{count} {source}" for source, count in seen.sources.items())
    lines = [
        f"{counted(seen.n, 'block')} ({kinds}) of {seen.box} px, {seen.pixel_size:.4g} Å/px, "
        f"from {counted(len(table), 'micrograph')}",
        f"  blocks a micrograph     {_range(table['blocks'])}",
        f"  sd of a pixel           {_range(table['spread'])} of the micrograph's background",
        f"  sd in grey values       {_range(table['sd'])}",
    ]
    for name in ("skewness", "kurtosis"):
        real, null = getattr(seen.blocks, name), getattr(seen.null, name)
        lines.append(
            f"  {name:<10}              {real.mean():+.3f} ± {real.std():.3f}; Gaussian noise of "
            f"the same spectrum {null.mean():+.3f} ± {null.std():.3f}"
        )
    lines += [
        f"  unlike Gaussian noise   {100 * seen.outliers:.1f} % of "
        f"{counted(len(seen.sample), 'block')} (2 % would be by chance)",
        "",
        *_spectrum_lines(seen),
        "",
        *_micrograph_lines(table),
    ]
    return "\n".join(lines)


def _by_micrograph(
    table: pd.DataFrame, rows: npt.NDArray[np.int64], blocks: npt.NDArray[np.float32]
) -> pd.DataFrame:
    groups = table[table["source"] != MODEL].groupby("micrograph", sort=False)
    real = table[table["source"] == REAL].groupby("micrograph", sort=False)
    variance = pd.Series(blocks.var(axis=(1, 2), dtype=np.float64))
    spread = np.sqrt(variance.groupby(table["micrograph"].to_numpy()[rows]).mean())
    made = pd.DataFrame({"blocks": groups.size()})
    made["sd"] = real["sd"].median()
    made["spread"] = spread
    return made.reset_index(names="micrograph")


def _away(values: Float, null: Float) -> Float:
    return np.asarray(np.abs(values - np.median(null)))


def _range(column: pd.Series[float]) -> str:
    known = column.dropna().to_numpy()
    if not len(known):
        return "unknown"
    return f"{known.min():.3g} to {known.max():.3g}, median {np.median(known):.3g}"


def _spectrum_lines(seen: Inspection) -> list[str]:
    """Power at round resolutions, as far as the blocks resolve them."""
    first, last = 1 / seen.frequency[1], 1 / seen.frequency[-1]
    chosen = [r for r in _RESOLUTIONS if last < r <= first]
    lines = ["  resolution (Å)" + "".join(f"{r:>8}" for r in chosen)]
    for label, power in (("power", seen.power), ("5 % below", seen.low), ("5 % above", seen.high)):
        at = np.interp([1 / r for r in chosen], seen.frequency, power)
        lines.append(f"  {label:<14}" + "".join(f"{value:8.3g}" for value in at))
    return lines


def _micrograph_lines(table: pd.DataFrame) -> list[str]:
    """Give a row for each micrograph, or for those with the fewest blocks where there are many."""
    shown, title = table, ""
    if len(table) > ROWS:
        shown = table.sort_values("blocks", kind="stable").head(ROWS)
        title = f"  the {ROWS} of {len(table)} micrographs with the fewest blocks:"
    width = max(10, *(len(name) for name in shown["micrograph"]))
    lines = [title] if title else []
    lines.append(f"  {'micrograph':<{width}}  blocks        sd    spread")
    lines += [
        f"  {row.micrograph:<{width}}{row.blocks:8d}{row.sd:10.4g}{row.spread:10.3f}"
        for row in shown.itertuples()
    ]
    return lines
