"""Which images are compared with which classes."""

from __future__ import annotations

from dataclasses import dataclass

import torch

MOST_CLASSES = 8
"""Classes of one block: its products stay in the processor's cache."""


@dataclass(frozen=True)
class Block:
    """The pairs of some neighbouring classes with the same images.

    Attributes
    ----------
    classes
        Which.
    images : (k,)
        Which, rising; None for all of them.
    place
        Where the pairs stand, class by class.
    """

    classes: slice
    images: torch.Tensor | None
    place: slice

    def of(self, spectra: torch.Tensor) -> torch.Tensor:
        """Give the block's own images of spectra (frequencies, images, …)."""
        return spectra if self.images is None else spectra[:, self.images]


@dataclass(frozen=True)
class Pairs:
    """p pairs of an image and a class, class by class, images rising in each.

    Attributes
    ----------
    images, classes : (p,)
        Of each pair.
    blocks
        What all pairs are made of.
    """

    images: torch.Tensor
    classes: torch.Tensor
    blocks: tuple[Block, ...]

    def __len__(self) -> int:
        return len(self.images)


def every_pair(images: int, classes: range) -> Pairs:
    """Pair all of a number of images with each of some neighbouring classes."""
    numbers = torch.arange(classes.start, classes.stop)
    blocks = []
    for first in range(classes.start, classes.stop, MOST_CLASSES):
        after = min(first + MOST_CLASSES, classes.stop)
        start, stop = (images * (number - classes.start) for number in (first, after))
        blocks.append(Block(slice(first, after), None, slice(start, stop)))
    return Pairs(
        torch.arange(images).repeat(len(numbers)),
        numbers.repeat_interleave(images),
        tuple(blocks),
    )


def pairs_where(chosen: torch.Tensor) -> Pairs:
    """Give the pairs that are true in a table (classes, images)."""
    classes, images = chosen.nonzero(as_tuple=True)
    blocks, start = [], 0
    for number, count in enumerate(chosen.sum(1).tolist()):
        if count:
            place = slice(start, start + count)
            blocks.append(Block(slice(number, number + 1), images[place], place))
            start += count
    return Pairs(images, classes, tuple(blocks))
