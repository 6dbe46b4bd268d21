"""Box and pixel size of the training images: those at which the network will see particles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ...denoise.model_file import ModelCard
from ...denoise.views import working_box
from ...errors import IceblockError
from ...images.particles import ParticleSet
from ...images.validation import SMALLEST_BOX, stack_header
from ...remarks import warn
from ...simulate.training_noise import pixel_size_of
from ...wording import renamed, wording
from .options import TrainOptions

WORKING_PIXEL_SIZE = 4.0
"""Å: little is to be seen of single particles beyond 8 Å."""
FINER = 1.01
"""Images are called coarser than the working pixel size from this ratio on."""


@dataclass(frozen=True)
class TrainingGeometry:
    """Of the training images."""

    pixel_size: float
    """Å."""
    working_pixel_size: float
    """Å: what finer images are brought to by the model; coarser ones are taken as they are."""
    box: int | None
    """Pixels; None where the volumes decide."""
    remarks: tuple[str, ...] = ()


def choose_geometry(
    options: TrainOptions, particles: ParticleSet | None, card: ModelCard | None, box: int | None
) -> TrainingGeometry:
    """Choose from what the user gave.

    Parameters
    ----------
    options
        A box and a pixel size there go before all else.
    particles
        What will be denoised: the images get the box and the pixel size of theirs, as the network
        will see them.
    card
        Of the model to start from, whose working pixel size is kept.
    box
        Pixels, where the preset fixes it.

    Raises
    ------
    IceblockError
        If the preset fixes the box and nothing tells the pixel size.
    """
    if card is not None:
        working = card.working_pixel_size
    else:
        working = options.pixel_size or WORKING_PIXEL_SIZE
    if particles is not None:
        return _from_particles(options, particles, working, box)
    if box is not None and options.pixel_size is None:
        raise IceblockError(
            f"The preset {options.preset} has boxes of {box} pixels: give --pixel-size (Å), or "
            "--particles to take it from."
        )
    remarks = []
    pixel_size = options.pixel_size
    if pixel_size is None:
        coarsest = max(pixel_size_of(path) or 0.0 for path in options.noise)
        pixel_size = max(working, coarsest)
        if coarsest > FINER * working:
            remarks.append(
                f"The noise has {coarsest:.4g} Å per pixel, coarser than the working pixel size of "
                f"{working:.4g} Å: the network is trained at {coarsest:.4g} Å."
            )
    return TrainingGeometry(pixel_size, working, options.box or box, tuple(remarks))


def _from_particles(
    options: TrainOptions,
    particles: ParticleSet,
    working: float,
    fixed: int | None,
) -> TrainingGeometry:
    with wording(renamed({"--pixel-size": "--particle-pixel-size"})):
        box, pixel_size, remarks = _commonest(particles)
    if fixed is not None:
        size = options.pixel_size or pixel_size * box / fixed
        return TrainingGeometry(size, size, fixed, tuple(remarks))
    if options.pixel_size is not None:
        size, seen = options.pixel_size, round(box * pixel_size / options.pixel_size)
    else:
        seen = working_box(box, pixel_size, working)
        size = box * pixel_size / seen
    return TrainingGeometry(
        size, working, options.box or max(SMALLEST_BOX, seen - seen % 2), tuple(remarks)
    )


def _commonest(particles: ParticleSet) -> tuple[int, float, list[str]]:
    """Box and pixel size of most particles, and a remark where others differ."""
    boxes = particles.boxes.copy()
    for place in np.unique(particles.stack_ids[boxes == 0]):
        header = stack_header(particles, particles.stacks[place])
        boxes[(particles.stack_ids == place) & (boxes == 0)] = header.box_x
    kinds, counts = np.unique(
        np.stack([boxes, particles.pixel_sizes], axis=1), axis=0, return_counts=True
    )
    box, pixel_size = kinds[counts.argmax()]
    remarks = []
    if len(kinds) > 1:
        remarks.append(
            f"{particles.source} holds {len(kinds)} combinations of box and pixel size: the "
            f"network is trained for the commonest, {int(box)} pixels of {pixel_size:.4g} Å."
        )
    return int(box), float(pixel_size), remarks


def warn_out_of_range(pixel_size: float, card: ModelCard | None) -> None:
    """Warn of training images (Å per pixel) unlike those that a model has learned from."""
    if card is None:
        return
    low, high = card.pixel_size_range
    if 0.95 * low <= pixel_size <= 1.05 * high:
        return
    warn(
        f"{card.name} was trained at {low:.3g} to {high:.3g} Å per pixel and is now trained on at "
        f"{pixel_size:.3g} Å: it has more to learn than usual."
    )
