"""Cut blocks of pure noise from a micrograph: empty windows that look like the ice around."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from ..images.micrographs.reader import MicrographImage
from ..segment.segmenter import Segmentation
from .checks import band_powers, odd_spectrum, odd_variance, outlier_blocks
from .clearance import likely_centres, particle_discs, sampled, unusable_bins, widened
from .extractor import lattice_corners, occupied_windows, scatter, thin
from .leftovers import Particle, find_leftovers
from .shading import Shading, bin_mean, measure_shading, remove_plane

LARGE_WINDOW = "blocks larger than the micrograph"
LARGE_PARTICLE = "particles larger than the micrograph"
LITTLE_BACKGROUND = "too little background"
NO_WINDOW = "no window clear of particles and pollution"
DENSITY = "density like a particle or dirt"
POWER = "odd power at particle-sized waves"
OUTLIERS = "outlier pixels"
VARIANCE = "odd variance"
SPECTRUM = "odd spectrum"

_ACROSS = 20  # pixels that a particle keeps across when the micrograph is binned for the checks


@dataclass(frozen=True)
class CutSettings:
    """How blocks are cut."""

    box: int
    """Pixels."""
    stride: int | None = None
    """Pixels between the windows that are looked at; an eighth of the box by default."""
    overlap: float = 0.25
    """Largest shared part of two blocks' areas."""
    per_micrograph: int | None = None
    """Blocks at most, spread over the micrograph."""
    margin: float = 10.0
    """Å kept around particles and pollution."""
    min_background: float = 0.05
    """Part of a micrograph that must be background; it gives no blocks otherwise."""
    loss: float = 0.02
    """Part of the windows of pure noise that each search for leftover particles may cost."""

    @property
    def step(self) -> int:
        """Pixels between windows."""
        return max(1, self.box // 8) if self.stride is None else self.stride


@dataclass
class Cut:
    """Noise blocks of a micrograph."""

    blocks: npt.NDArray[np.float32]
    """(k, box, box) without shading (slower than 400 Å) and plane, mean 0, in units of the
    background's standard deviation: the median of the blocks'."""
    positions: npt.NDArray[np.float64]
    """(k, 2) y, x of the centres (pixel box // 2) in pixels."""
    sd: npt.NDArray[np.float64]
    """(k,) standard deviations without plane, in the micrograph's grey values."""
    mean: npt.NDArray[np.float64]
    """(k,) means in the micrograph's grey values."""
    rejected: Counter[str] = field(default_factory=Counter)
    """Windows left out, by reason."""


def cut(
    image: MicrographImage,
    pixel_size: float,
    segmentation: Segmentation | None,
    particle_diameter: float,
    picks: npt.NDArray[np.float64] | None,
    settings: CutSettings,
) -> Cut:
    """Cut blocks from the background of a micrograph.

    Windows clear of the segmentation's particles and pollution, of discs about the picks and of
    pixels without an image are thinned to the allowed overlap. Those near leftover particles or
    dirt, and those whose pixels, variance or spectrum are unlike the other blocks', are left out.

    Parameters
    ----------
    image
        From `images.micrographs.read_micrograph`.
    pixel_size, particle_diameter
        Å.
    segmentation
        From `segment.Segmenter`; None trusts the picks alone.
    picks : (n, 2) or None
        y and x in pixels; those outside the micrograph count as far as their discs reach in.
    settings
        See `CutSettings`.
    """
    shape, diameter = image.pixels.shape[:2], particle_diameter / pixel_size
    if settings.box > min(shape) or diameter >= min(shape):
        return _nothing(settings.box, LARGE_WINDOW if settings.box > min(shape) else LARGE_PARTICLE)
    centres = np.asarray(np.empty((0, 2)) if picks is None else picks, dtype=np.float64)
    factor = max(1, int(diameter / _ACROSS + 0.5))
    binned = bin_mean(image.pixels, factor)
    unusable = unusable_bins(image.valid, binned, factor)
    radius = (particle_diameter / 2 + settings.margin) / pixel_size
    labels = unusable | particle_discs(binned.shape, centres, radius, factor)

    def occupied(
        mask: npt.NDArray[np.generic], scale: float | tuple[float, float]
    ) -> npt.NDArray[np.bool_]:
        return occupied_windows(mask, shape, scale, settings.box, settings.step)

    taken = occupied(labels, factor)
    if segmentation is not None:
        segments = widened(segmentation, settings.margin / pixel_size)
        taken |= occupied(segments, segmentation.scale)
        labels |= sampled(segments, segmentation.scale, labels.shape, factor)
    little = labels.mean() > 1 - settings.min_background
    if little or taken.all():
        return _nothing(settings.box, LITTLE_BACKGROUND if little else NO_WINDOW)
    shading = measure_shading(binned, ~labels, factor, pixel_size)
    flat = shading.removed_from(binned, factor)
    flat[unusable] = 0
    if len(centres) == 0 and segmentation is not None:
        centres = likely_centres(segmentation, diameter)
    particle = Particle(diameter / factor, radius / factor, settings.box / factor)
    centres = (centres + 0.5) / factor - 0.5
    leftovers = find_leftovers(flat, ~labels, centres, particle, settings.loss)
    corners, rejected = _choose(taken, [occupied(mask, factor) for mask in leftovers], settings)
    return _checked(image.pixels, shading, corners, rejected, settings)


def _nothing(box: int, reason: str) -> Cut:
    return Cut(
        blocks=np.empty((0, box, box), dtype=np.float32),
        positions=np.empty((0, 2)),
        sd=np.empty(0),
        mean=np.empty(0),
        rejected=Counter({reason: 1}),
    )


def _choose(
    taken: npt.NDArray[np.bool_], found: list[npt.NDArray[np.bool_]], settings: CutSettings
) -> tuple[npt.NDArray[np.int64], Counter[str]]:
    """Corners of the windows to cut; and how many would have been cut but for what was found."""
    without = thin(lattice_corners(~taken, settings.step), settings.box, settings.overlap)
    y, x = (without // settings.step).T
    rejected: Counter[str] = Counter()
    counted = np.zeros(len(without), dtype=bool)
    for reason, occupied in zip((DENSITY, POWER), found, strict=True):
        hit = occupied[y, x] & ~counted
        rejected[reason] = int(hit.sum())
        counted |= hit
        taken = taken | occupied
    corners = thin(lattice_corners(~taken, settings.step), settings.box, settings.overlap)
    if settings.per_micrograph is not None:
        corners = corners[scatter(corners, 2 * settings.per_micrograph)]  # some will be rejected
    return corners, rejected


def _checked(
    micrograph: npt.NDArray[np.float32],
    shading: Shading,
    corners: npt.NDArray[np.int64],
    rejected: Counter[str],
    settings: CutSettings,
) -> Cut:
    """Cut the windows and keep those that look like the others."""
    box, k = settings.box, len(corners)
    blocks = np.empty((k, box, box), dtype=np.float32)
    mean, sd, highest = np.empty((3, k))
    alive = np.zeros(k, dtype=bool)
    span = np.arange(box)
    for i, (y, x) in enumerate(corners):
        raw = micrograph[y : y + box, x : x + box]
        mean[i] = raw.mean(dtype=np.float64)
        blocks[i] = block = remove_plane(raw - shading.at(y + span, x + span))
        sd[i] = np.sqrt(np.vdot(block, block) / box**2)
        highest[i] = max(block.max(), -block.min())
        alive[i] = np.isfinite(sd[i]) and raw.max() > raw.min()
    powers, modes, freedom = band_powers(blocks[alive])
    reasons = {
        OUTLIERS: outlier_blocks(highest[alive] / sd[alive], box**2),
        VARIANCE: odd_variance(sd[alive], freedom),
        SPECTRUM: odd_spectrum(powers, modes),
    }
    kept = np.flatnonzero(alive)
    rejected[VARIANCE] += k - len(kept)
    good = np.ones(len(kept), dtype=bool)
    for reason, odd in reasons.items():
        rejected[reason] += int((odd & good).sum())
        good &= ~odd
    kept = kept[good]
    if settings.per_micrograph is not None:
        kept = kept[scatter(corners[kept], settings.per_micrograph)]
    unit = np.median(sd[kept]) if len(kept) else 1.0
    return Cut(
        blocks=blocks[kept] / np.float32(unit),
        positions=(corners[kept] + box // 2).astype(np.float64),
        sd=sd[kept],
        mean=mean[kept],
        rejected=+rejected,  # without the reasons that never applied
    )
