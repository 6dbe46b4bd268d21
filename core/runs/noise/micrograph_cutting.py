"""One micrograph of a run that cuts noise blocks: read, segment, cut, draw, keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from ...errors import IceblockError
from ...figures.overlay import overlay
from ...images.disk import replacing
from ...images.micrographs.reader import MicrographImage
from ...noise.bank_table import BankPart
from ...noise.bank_writer import BankWriter
from ...noise.clearance import widened
from ...noise.coverage import covered
from ...noise.cutter import Cut, cut
from ...noise.shading import bin_mean, measure_shading
from ...segment.grid import to_grid
from ...segment.segmenter import Segmentation, Segmenter
from ...signal.region_spectrum import region_power
from ..labelled import Labelled
from .options import OVERLAYS, UNDECIDED, NoiseOptions

REGIONS = 8
"""Micrographs at most whose empty regions' spectrum is measured for the report."""
SIDE, COLOURS = 640, 64
"""Pixels of the longer side of a picture, and its colours: thousands of them stay small."""
_MANY_OUTSIDE = 0.5
_SHADING = 60.0  # Å; shading changes over several hundred


class Unreadable(Exception):
    """A micrograph cannot be read; the message is a sentence for the user."""


@dataclass
class Facts:
    """What the report tells of a micrograph; kept with its part of the bank."""

    name: str
    output: str
    """Of its files, without an ending."""
    picks: int | None
    skipped: bool
    background: float = 0.0
    blocks: int = 0
    boxes: float = 0.0
    """Area that lies in some block, in boxes."""
    rejected: dict[str, int] = field(default_factory=dict)
    remarks: list[str] = field(default_factory=list)
    region: list[float] = field(default_factory=list)
    """Power spectrum of all that is background, where it was measured."""


@dataclass(frozen=True)
class MicrographCutter:
    """Cuts the blocks of any micrograph of a run; safe to use from several threads."""

    options: NoiseOptions
    micrographs: Sequence[Labelled]
    segmenter: Segmenter
    writer: BankWriter

    def cut(self, number: int) -> Facts:
        """Cut micrograph `number` unless its part of the bank is there.

        Returns
        -------
        facts
            What the report tells of it; kept with the part.

        Raises
        ------
        Unreadable
            If it cannot be read.
        IceblockError
            If its size contradicts the particle diameter or the box.
        """
        if self.writer.has(number):
            return Facts(**self.writer.facts(number))
        one = self.micrographs[number]
        picks = None if one.picks is None else len(one.picks)
        skipped = one.picks is None and self.options.require_picks
        facts = Facts(one.micrograph.name, one.output, picks, skipped)
        part = _nothing(self.options.box, facts) if skipped else self._cut(number, one, facts)
        self.writer.add(number, part)
        return facts

    def _cut(self, number: int, one: Labelled, facts: Facts) -> BankPart:
        try:
            image, pollution = one.read()
        except IceblockError as error:
            raise Unreadable(str(error)) from error
        options, size = self.options, one.micrograph.pixel_size
        shape = (image.pixels.shape[0], image.pixels.shape[1])
        _check_size(one, shape, options)
        facts.remarks += [*image.remarks, *_pick_remarks(one, shape)]
        diameter = options.particle_diameter
        labels = self.segmenter.segment(image, size, diameter, one.picks, pollution)
        settings = options.settings()
        made = cut(image, size, labels, diameter, one.picks, settings)
        facts.background = round(labels.background, 4)
        facts.rejected = (
            {UNDECIDED: 1} if labels.needs_picks else dict(sorted(made.rejected.items()))
        )
        facts.blocks = len(made.blocks)
        facts.boxes = round(covered(made.positions, options.box), 2)
        if number in sampled(len(self.micrographs)) and len(made.blocks):
            facts.region = _region(image, labels, made, size, settings.margin, options.box)
        _draw(options.out / OVERLAYS / f"{one.output}.png", image, labels, one, made, options.box)
        return BankPart.of_micrograph(
            facts.name, made.blocks, made.positions, made.mean, made.sd, vars(facts)
        )


def sampled(n: int, count: int = REGIONS) -> list[int]:
    """Numbers of `count` micrographs, spread over all `n`, that the report looks at closely."""
    places = np.linspace(0, n - 1, min(n, count)).round().astype(int)
    return [int(place) for place in np.unique(places)]


def _nothing(box: int, facts: Facts) -> BankPart:
    none, blocks = np.empty(0), np.empty((0, box, box), np.float32)
    return BankPart.of_micrograph(facts.name, blocks, np.empty((0, 2)), none, none, vars(facts))


def _check_size(one: Labelled, shape: tuple[int, int], options: NoiseOptions) -> None:
    size = one.micrograph.pixel_size
    if options.particle_diameter >= min(shape) * size:
        raise IceblockError(
            f"{one.micrograph.path} is {shape[1] * size:.0f} x {shape[0] * size:.0f} Å large "
            f"({shape[1]} x {shape[0]} pixels of {size:g} Å) and has no room for a particle of "
            f"{options.particle_diameter:g} Å; correct the pixel size or the particle diameter"
        )
    if options.box > min(shape):
        raise IceblockError(
            f"{one.micrograph.path} has {shape[1]} x {shape[0]} pixels and blocks of "
            f"{options.box} pixels do not fit in; choose a smaller box"
        )


def _pick_remarks(one: Labelled, shape: tuple[int, int]) -> list[str]:
    if one.picks is None or not len(one.picks):
        return []
    inside = ((one.picks >= -0.5) & (one.picks <= np.array(shape) - 0.5)).all(axis=1)
    outside = int(np.count_nonzero(~inside))
    if not outside:
        return []
    remark = f"{outside} of {len(one.picks)} picks lie outside the micrograph"
    if outside > _MANY_OUTSIDE * len(one.picks):
        remark += ": were they made on micrographs of another binning?"
    return [remark]


def _draw(
    path: Path,
    image: MicrographImage,
    labels: Segmentation,
    one: Labelled,
    made: Cut,
    box: int,
) -> None:
    """Write a small picture with what was found and cut, whole or not at all."""
    factor = min(1.0, SIDE / max(labels.shape))
    ny, nx = (max(1, round(side * factor)) for side in labels.shape)
    picture = overlay(
        to_grid(image.pixels, (ny, nx)),
        replace(labels, shape=(ny, nx)),
        blocks=made.positions * factor,
        box=round(box * factor),
        picks=None if one.picks is None else one.picks * factor,
        pixel_size=one.micrograph.pixel_size / factor,
    )
    with replacing(path) as file:
        few = Image.fromarray(picture).quantize(COLOURS, method=Image.Quantize.FASTOCTREE)
        few.save(file, format="PNG")


def _region(
    image: MicrographImage, labels: Segmentation, made: Cut, pixel_size: float, margin: float,
    box: int,
) -> list[float]:  # fmt: skip
    """Give the power spectrum of all that is background, in the unit of the blocks."""
    far = ~widened(labels, margin / pixel_size)
    shape = image.pixels.shape
    rows, columns = (
        np.minimum((np.arange(n) / scale).astype(int), count - 1)
        for n, scale, count in zip(shape, labels.scale, far.shape, strict=True)
    )
    region = far[np.ix_(rows, columns)] & image.valid
    factor = max(1, int(_SHADING / pixel_size))
    shading = measure_shading(
        bin_mean(image.pixels, factor), bin_mean(region, factor) > 0.5, factor, pixel_size
    )
    slow = shading.at(np.arange(shape[0], dtype=float), np.arange(shape[1], dtype=float))
    flat = np.asarray(image.pixels - slow, dtype=np.float32)
    unit = float(np.median(made.sd))
    power = region_power(flat, region, box) / unit**2
    return [float(f"{value:.5g}") for value in power]
