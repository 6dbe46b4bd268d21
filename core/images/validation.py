"""Check a set of particles against its image files before anything is computed."""

import os

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..remarks import warn
from ..wording import counted
from .mrc.reader import Stack, read_header
from .near_misses import near_miss
from .particle_set import NO_GROUPS, ParticleSet

SMALLEST_BOX = 32
_SAME_SIZE = 0.05  # part by which pixel sizes may differ


def validate(particles: ParticleSet) -> list[Stack]:
    """Read the header of every image file and check the particles against it.

    Returns
    -------
    headers
        One for each of `particles.stacks`, in that order.

    Raises
    ------
    IceblockError
        For an image file that is missing, truncated or no MRC file; an image number beyond its
        file; a volume in place of a particle; images that are not square, smaller than 32 pixels,
        different from the declared size, or of different sizes in one optics group. Pixel sizes
        that differ from the image files' are warned about.
    """
    headers = [stack_header(particles, stack) for stack in particles.stacks]
    _check_numbers(particles, headers)
    _check_shapes(headers)
    check_boxes(particles, headers)
    _compare_pixel_sizes(particles, headers)
    return headers


def stack_header(particles: ParticleSet, stack: str) -> Stack:
    """Read the header of one of `particles.stacks`; IceblockError says what to do without it."""
    path = particles.path_of(stack)
    if (near := near_miss(path)) is not None:
        raise IceblockError(f"{particles.source} names the stack {stack}, {near}")
    if not os.path.exists(path):  # noqa: PTH110
        raise IceblockError(
            f"{particles.source} names the stack {stack}, which is missing; put it back, or give "
            "the folder where the stacks lie as --datadir"
        )
    return read_header(path)


def header_pixel_sizes(particles: ParticleSet) -> npt.NDArray[np.float64]:
    """Give (N,) pixel sizes in Å as the image files state them; IceblockError for unknown ones."""
    sizes = [stack_header(particles, stack).pixel_size for stack in particles.stacks]
    for stack, size in zip(particles.stacks, sizes, strict=True):
        # 1.0 is what programs write that do not know the pixel size.
        if size == 1.0 or not 0.05 < size < 100:
            raise IceblockError(
                f"{particles.source} gives no pixel size, and the header of {stack} says "
                f"{size:g} Å, which stands for an unknown one; give --pixel-size in Å"
            )
    return np.array(sizes)[particles.stack_ids]


def _check_numbers(particles: ParticleSet, headers: list[Stack]) -> None:
    counts = np.array([header.n_images for header in headers])
    beyond = particles.indices >= counts[particles.stack_ids]
    if beyond.any():
        row = int(np.flatnonzero(beyond)[0])
        header = headers[int(particles.stack_ids[row])]
        raise IceblockError(
            f"{particles.source}: row {row + 1} names {particles.names[row]}, and {header.path} "
            f"has only {counted(header.n_images, 'image')}; correct the row or make the stack again"
        )
    for stack, row in particles.images.unnumbered.items():
        if headers[stack].n_images > 1:
            raise IceblockError(
                f"{particles.source}: row {row + 1} names {particles.names[row]} without an image "
                f"number, and the file holds {headers[stack].n_images} sections, as subtomograms "
                "do; only single-particle images can be denoised"
            )


def _check_shapes(headers: list[Stack]) -> None:
    for header in headers:
        if header.box_x != header.box_y:
            raise IceblockError(
                f"{header.path} holds images of {header.box_x} x {header.box_y} pixels, and only "
                "square ones can be denoised; extract the particles again with a square box"
            )
        if header.box_x < SMALLEST_BOX:
            raise IceblockError(
                f"{header.path} holds boxes of {header.box_x} pixels, and boxes of at least "
                f"{SMALLEST_BOX} pixels are needed; extract the particles again with a larger box"
            )


def check_boxes(particles: ParticleSet, headers: list[Stack]) -> None:
    """Check the sizes of images against those that the metadata declare, and with each other.

    Parameters
    ----------
    particles
        N of them.
    headers
        One for each of `particles.stacks`.

    Raises
    ------
    IceblockError
        For images of another size than declared, or of different sizes in one optics group.
    """
    boxes = np.array([header.box_x for header in headers])[particles.stack_ids]
    wrong = (particles.boxes > 0) & (particles.boxes != boxes)
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise IceblockError(
            f"{_group(particles, row)} has {particles.box_field} "
            f"{particles.boxes[row]}, and the images in {_stack(particles, row)} (row {row + 1}) "
            f"have {boxes[row]} pixels; correct that field or extract the particles again"
        )
    # The size of the first particle of each group, for all particles of the group.
    _, first, places = np.unique(particles.optics_groups, return_index=True, return_inverse=True)
    mixed = boxes != boxes[first][places]
    if mixed.any():
        row = int(np.flatnonzero(mixed)[0])
        other = int(first[places[row]])
        raise IceblockError(
            f"{_group(particles, row)} mixes boxes of "
            f"{boxes[other]} pixels ({_stack(particles, other)}) and of {boxes[row]} pixels "
            f"({_stack(particles, row)}, row {row + 1}); {_apart(particles)}"
        )


def _compare_pixel_sizes(particles: ParticleSet, headers: list[Stack]) -> None:
    """Warn where an image file states another pixel size; 0, 1 and absurd ones stand for none."""
    stated = np.array([header.pixel_size for header in headers])
    known = (stated != 1.0) & (stated > 0.05) & (stated < 100)
    if not known.any():
        return
    try:
        sizes = particles.pixel_sizes
    except IceblockError:  # told where they are needed
        return
    stated = np.where(known, stated, np.nan)[particles.stack_ids]
    differ = np.abs(sizes - stated) > _SAME_SIZE * sizes
    if differ.any():
        row = int(np.flatnonzero(differ)[0])
        given = particles.given_pixel_size is not None
        whose = "that was given" if given else f"of {particles.source.name}"
        warn(
            f"the pixel size {whose} is {sizes[row]:.4g} Å, and the header of "
            f"{_stack(particles, row)} says {stated[row]:.4g} Å ({np.count_nonzero(differ)} of "
            f"{particles.n} particles); {sizes[row]:.4g} Å is used: check it"
        )


def _group(particles: ParticleSet, row: int) -> str:
    if particles.optics_names == NO_GROUPS:
        return str(particles.source)
    name = particles.optics_names[particles.optics_groups[row]]
    return f"{particles.source}: optics group {name}"


def _apart(particles: ParticleSet) -> str:
    if particles.optics_names == NO_GROUPS:
        return "extract all of them with one box, or make a file for each box"
    return "put them into groups of their own"


def _stack(particles: ParticleSet, row: int) -> str:
    return particles.stacks[int(particles.stack_ids[row])]
