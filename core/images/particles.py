"""A set of particles: which images, at what pixel size, and the way to point at new images.

Every kind of metadata file has a class of its own that keeps this contract; what reads, denoises
and writes images knows the contract only.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .project_root import find_root, name_from_root


@dataclass(frozen=True, eq=False, kw_only=True)
class ParticleSet(ABC):
    """N particles, in the order of the rows of a metadata file.

    Attributes
    ----------
    source
        The metadata file.
    names
        (N,) image names as they stand in the file.
    stacks
        The different image files, as named, in the order of their first appearance.
    stack_ids
        (N,) int32 places in `stacks`.
    indices
        (N,) int64 0-based numbers of the images in their files.
    unnumbered
        For each place in `stacks` that some row names without an image number, the first such row.
    optics_groups
        (N,) int32 places in `optics_names`.
    optics_names
        Names of the optics groups.
    boxes
        (N,) int64 sides of the images in pixels as the file declares them; 0 where it does not.
    """

    source: Path
    names: list[str]
    stacks: tuple[str, ...]
    stack_ids: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int64]
    unnumbered: dict[int, int]
    optics_groups: npt.NDArray[np.int32]
    optics_names: tuple[str, ...]
    boxes: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def root(self) -> Path:
        """The folder that relative image paths start from.

        It is the current folder, or else the nearest folder above `source`, from which all image
        files exist; IceblockError where there is none.
        """
        return find_root(self.source, self.stacks)

    def path_of(self, stack: str) -> Path:
        """Give the path of an image file that is named in `stacks`, ready to be opened."""
        return self.root / stack

    def relative_name(self, path: Path) -> str:
        """Name a file from `root` where it lies inside it, and absolutely where it does not."""
        return name_from_root(path, self.root)

    @property
    @abstractmethod
    def pixel_sizes(self) -> npt.NDArray[np.float64]:
        """(N,) pixel sizes in Å; IceblockError where neither the file nor the images have one."""

    @abstractmethod
    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function, or None where there are none.

        Returns
        -------
        parameters
            (N,) each: `defocus_u`, `defocus_v` in Å, `defocus_angle`, `phase_shift` in degrees,
            `voltage` in kV, `spherical_aberration` in mm, `amplitude_contrast` as a fraction.
        """

    @abstractmethod
    def with_images(self, names: list[str]) -> Self:
        """Give the same particles with new images; the raw image stays named beside the new one.

        Parameters
        ----------
        names
            (N,) as `image_names.image_name` makes them.
        """

    @abstractmethod
    def restored(self) -> Self:
        """Give the same particles with their raw images; IceblockError where none are named."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write the metadata to `path`, whole or not at all; the source itself is refused."""


def read_particles(path: Path, pixel_size: float | None = None) -> ParticleSet:
    """Read a set of particles; the images are not looked for until they are asked for.

    Parameters
    ----------
    path
        A STAR file of RELION 3.0 or later.
    pixel_size
        Å; it goes before what the file and the images say.

    Raises
    ------
    IceblockError
        For a file that is missing, not a table of particles, or wrong in some row.
    """
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise IceblockError(f"the pixel size {pixel_size:g} is not above 0; give it in Å")
    if path.suffix.lower() != ".star":
        kind = f"files that end in {path.suffix}" if path.suffix else "files without an ending"
        raise IceblockError(
            f"{path} is no table of particles that can be read here ({kind} are not known); name "
            "a RELION .star file"
        )
    from .star_particles import StarParticles

    return StarParticles.read(path, pixel_size)
