"""Which images a set of particles means."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, eq=False)
class ImageReferences:
    """Images of N particles, as names and taken apart.

    Attributes
    ----------
    names
        (N,) image names as they stand in the metadata file.
    stacks
        The different image files, as named, in the order of their first appearance.
    stack_ids
        (N,) int32 places in `stacks`.
    indices
        (N,) int64 0-based numbers of the images in their files.
    unnumbered
        For each place in `stacks` that some row names without an image number, the first such row
        (0-based).
    """

    names: list[str]
    stacks: tuple[str, ...]
    stack_ids: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int64]
    unnumbered: Mapping[int, int]
