"""Scores of one method on one set of pairs: all that a table of methods shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from ..signal.agreement import crossing, frc, masked_correlation
from ..signal.bootstrap import Interval, interval
from ..signal.ctf import CtfParameters
from ..simulate.superposition import widen
from .clustering import SCORES as CLUSTERED
from .clustering import cluster_trials
from .image_quality import VARIANTS, psnr, ssim

MARGIN = 16.0
"""Å about a particle, as masks of particles usually have."""
HALF = 0.5
RESAMPLES = 500
"""Times that the images are drawn anew, for the interval of an FRC's crossing."""
_PIECE = 64
_EQUAL = 1e-6

Kind = Literal["truth", "trivial", "filter", "oracle", "trained", "ours"]
"""What a row of the table is; `truth` is the clean images themselves."""
RIVALS: tuple[Kind, ...] = ("trivial", "filter", "oracle", "trained")
"""Kinds of rows that ours are measured against."""


@dataclass(frozen=True)
class PairSet:
    """Pairs that methods are tuned or scored on."""

    name: str
    noisy: torch.Tensor
    """(n, box, box), background mean 0 and sd 1."""
    clean: torch.Tensor
    """(n, box, box)."""
    mask: torch.Tensor
    """(n, box, box) bool: the particle."""
    pixel_size: float
    """Å."""
    ctf: CtfParameters | None = None
    """n of them, where they are known."""


@dataclass(frozen=True)
class ViewSet:
    """Images of one structure seen from about a few directions, to be clustered."""

    noisy: torch.Tensor
    """(n, box, box)."""
    clean: torch.Tensor
    labels: npt.NDArray[np.int64]
    """(n,) which direction."""
    k: int
    ctf: CtfParameters | None = None
    """n of them."""


@dataclass(frozen=True)
class Metric:
    """A column of the table."""

    key: str
    title: str
    digits: int
    why_rivals_win: str
    """How a baseline can come out above a network."""
    higher_is_better: bool = True

    def better(self, one: float, other: float) -> bool:
        """Whether `one` is better than `other`."""
        return one > other if self.higher_is_better else one < other


_PSNR = (
    "PSNR hangs on the scale of grey values and on the empty part of the box; read it over the "
    "row zero."
)
_SSIM = "SSIM hangs on the empty part of the box; read it over the row zero."
_TIGHT = (
    "The tight mask leaves out the outline and the quiet about the particle, where a network gains "
    "most; inside it a filter tuned for this very noise level is hard to beat."
)
_WIDE = (
    "A filter tuned for this very noise level loses little of the signal where the noise is weak."
)
_FRC = (
    "A gain that is one number in each ring leaves the FRC of the raw images as it is: where that "
    "is better, the network has taken off signal."
)
_CLUSTERING = (
    "K-means goes by what varies most: a filter leaves the coarse features, and a network may make "
    "unlike views look alike."
)
METRICS = (
    *(Metric(f"psnr_{variant}", f"PSNR {variant} (dB)", 2, _PSNR) for variant in VARIANTS),
    *(Metric(f"ssim_{variant}", f"SSIM {variant}", 3, _SSIM) for variant in VARIANTS),
    Metric("correlation", "masked correlation", 3, _TIGHT),
    Metric("correlation_margin", f"correlation, mask + {MARGIN:g} Å", 3, _WIDE),
    Metric("frc", "FRC = 0.5 (Å)", 1, _FRC, higher_is_better=False),
    Metric("ari", "clustering ARI", 3, _CLUSTERING),
    Metric("nmi", "clustering NMI", 3, _CLUSTERING),
    Metric("accuracy", "clustering accuracy", 3, _CLUSTERING),
)
Values = dict[str, list[float]]
"""By a metric's key: one number for each image, or for each start of the clustering."""


@dataclass(frozen=True)
class Scores:
    """What one method reaches on one set."""

    values: Values
    frc: tuple[float, float, float] | None = None
    """Å: the crossing of the mean curve and its bootstrap interval."""

    _intervals: dict[str, Interval | None] = field(default_factory=dict, repr=False, compare=False)

    def interval(self, key: str) -> Interval | tuple[float, float, float] | None:
        """Give a metric's mean and 95 % interval; None where it was not measured."""
        if key == "frc":
            return self.frc
        if key not in self._intervals:
            values = np.asarray(self.values.get(key, []), dtype=np.float64)
            values = values[~np.isnan(values)]
            self._intervals[key] = interval(values) if len(values) else None
        return self._intervals[key]

    def plain(self) -> dict[str, Any]:
        """Give what JSON can hold."""
        return {"values": self.values, "frc": self.frc}

    @classmethod
    def of(cls, plain: dict[str, Any]) -> Scores:
        """Turn `plain` back."""
        frc = plain["frc"]
        return cls(plain["values"], None if frc is None else (frc[0], frc[1], frc[2]))


def score(images: torch.Tensor, pairs: PairSet) -> Scores:
    """Score denoised images against their truths.

    Parameters
    ----------
    images : (n, box, box)
        Denoised, in the order of `pairs`.
    pairs
        The truth and the masks.
    """
    wide = widen(pairs.mask, round(MARGIN / pairs.pixel_size))
    truth = pairs.clean
    found = {
        "correlation": masked_correlation(images, truth, pairs.mask),
        "correlation_margin": masked_correlation(images, truth, wide),
    }
    for variant in VARIANTS:
        found[f"psnr_{variant}"] = psnr(images, truth, pairs.mask, variant)
        found[f"ssim_{variant}"] = ssim(images, truth, pairs.mask, variant)
    values = {key: _rounded(value) for key, value in found.items()}
    return Scores(values, frc_crossing(images, truth, pairs.pixel_size))


def frc_crossing(
    images: torch.Tensor, truth: torch.Tensor, pixel_size: float
) -> tuple[float, float, float]:
    """Resolution (Å) where the mean FRC falls below one half, and its 95 % bootstrap interval.

    The same images are resampled for every method, so that intervals can be compared.
    """
    pieces = zip(torch.split(images, _PIECE), torch.split(truth, _PIECE), strict=True)
    curves = torch.cat([frc(one, other) for one, other in pieces]).double().cpu()
    n = len(curves)
    rng = np.random.default_rng(0)
    counts = torch.from_numpy(rng.multinomial(n, np.full(n, 1 / n), RESAMPLES).astype(np.float64))
    resampled = crossing(counts @ curves / n, pixel_size, HALF).numpy()
    # An observed quantile: nothing is interpolated between finite and infinite crossings.
    low, high = np.quantile(resampled, (0.025, 0.975), method="inverted_cdf")
    return float(crossing(curves.mean(0), pixel_size, HALF)), float(low), float(high)


def cluster(images: torch.Tensor, views: ViewSet, seeds: int) -> Values:
    """Cluster denoised views; a number for each start of k-means, 0 where all images are equal."""
    if float(images.std(dim=0).max()) <= _EQUAL * float(images.abs().max()):
        return {key: [0.0] * seeds for key in CLUSTERED}
    trials = cluster_trials(images, views.labels, views.k, seeds)
    return {key: [round(float(v), 5) for v in values] for key, values in trials.items()}


def _rounded(values: torch.Tensor) -> list[float]:
    return [round(float(value), 5) for value in values]
