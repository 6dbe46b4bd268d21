"""A set of particles: which images, at what pixel size, and the way to point at new images.

Every kind of metadata file has a class of its own that keeps this contract; what reads, denoises
and writes images knows the contract only.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .class_poses import ClassPoses
from .denoised_mark import is_denoised
from .project_root import find_root, name_from_root


@dataclass(frozen=True, eq=False, kw_only=True)
class ParticleSet(ABC):
    """N particles, in the order of the rows of a metadata file.

    Attributes
    ----------
    suffix, stack_suffix
        What names of such metadata files, and of stacks beside them, end in.
    box_field
        Where the file declares the size of the images, for messages.
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

    suffix: ClassVar[str]
    stack_suffix: ClassVar[str]
    box_field: ClassVar[str]

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

        It is the given project folder, or the current folder, or else the nearest folder above
        `source`, from which all image files exist; IceblockError where there is none.
        """
        return find_root(self.source, self.stacks, suits=self.is_meant)

    def is_meant(self, stack: Path) -> bool:
        """Tell whether a file of a name in `stacks` is denoised or raw, as these particles are."""
        return is_denoised(stack) == self.names_raw

    @property
    def names_raw(self) -> bool:
        """Whether the file names raw images beside its denoised ones."""
        return False

    @property
    def denoised(self) -> npt.NDArray[np.bool_]:
        """(N,) whether the file itself says that an image is a denoised one."""
        return np.zeros(self.n, dtype=np.bool_)

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

    @property
    def contrasts(self) -> npt.NDArray[np.int8]:
        """(N,) 1 for white particles, -1 for black ones, 0 where the file does not say."""
        return np.zeros(self.n, dtype=np.int8)

    @property
    def ctf_applied(self) -> bool:
        """Whether images were phase-flipped or multiplied by their CTF since they were taken."""
        return False

    @abstractmethod
    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function, or None where there are none.

        Returns
        -------
        parameters
            (N,) each: `defocus_u`, `defocus_v` in Å, `defocus_angle`, `phase_shift` in degrees,
            `voltage` in kV, `spherical_aberration` in mm, `amplitude_contrast` as a fraction;
            NaN where a row has no number.
        """

    @property
    @abstractmethod
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) confidences as `with_confidences` wrote them; None where there are none."""

    @abstractmethod
    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with a confidence each, 0 to 1.

        A STAR file has them in rlnIceblockConfidence, a .cs file in iceblock/confidence.

        Parameters
        ----------
        values
            (N,).
        """

    @abstractmethod
    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with a class and a pose in the plane each.

        A STAR file has them in rlnClassNumber, rlnAnglePsi and rlnOriginXAngst or rlnOriginX, a .cs
        file in alignments2D.

        Parameters
        ----------
        poses
            N of them.
        """

    @abstractmethod
    def with_images(self, names: list[str], again: Sequence[bool] | None = None) -> Self:
        """Give the same particles with denoised images, all else being as it was.

        A STAR file then names the raw image beside the new one; a .cs file keeps the uid, by which
        the raw image is found.

        Parameters
        ----------
        names
            (N,) as `image_names.image_name` makes them.
        again
            (N,) whether a particle's image is denoised already: it is not named as a raw one.
        """

    @abstractmethod
    def restored(self) -> Self:
        """Give the same particles with their raw images; IceblockError where none are named."""

    @abstractmethod
    def write(self, path: Path) -> None:
        """Write the metadata to `path`, whole or not at all; the source itself is refused."""


def read_particles(
    path: Path,
    pixel_size: float | None = None,
    project_dir: Path | None = None,
    passthrough: Sequence[Path] = (),
    datadir: Path | None = None,
) -> ParticleSet:
    """Read a set of particles; the images are not looked for until they are asked for.

    Parameters
    ----------
    path
        A STAR file of RELION 3.0 or later, or a .cs file of CryoSPARC.
    pixel_size
        Å; it goes before what the file and the images say.
    project_dir
        CryoSPARC's project folder, where paths in a .cs file start; by default it is found.
    passthrough
        Further .cs files whose fields are added, by uid.
    datadir
        For a STAR file, the folder where its stacks lie if not where it says.

    Raises
    ------
    IceblockError
        For a file that is missing, not a table of particles, or wrong in some row.
    """
    if pixel_size is not None and not (np.isfinite(pixel_size) and pixel_size > 0):
        raise IceblockError(f"the pixel size {pixel_size:g} is not above 0; give it in Å")
    ending = path.suffix.lower()
    if ending == ".cs":
        if datadir is not None:
            raise IceblockError(
                f"{path} is a .cs file, and --datadir belongs to STAR files; give --project-dir"
            )
        from .cs.particles import CsParticles

        return CsParticles.read(path, pixel_size, project_dir, passthrough)
    if ending == ".csg":
        from .cs.group import group_refused

        raise group_refused(path)
    if ending != ".star":
        kind = f"files that end in {path.suffix}" if path.suffix else "files without an ending"
        raise IceblockError(
            f"{path} is no table of particles that can be read here ({kind} are not known); name "
            "a RELION .star file or a CryoSPARC .cs file"
        )
    if project_dir is not None or passthrough:
        raise IceblockError(
            f"{path} is a STAR file, and --project-dir and --passthrough belong to .cs files; "
            "leave them out, and give the command in the project folder"
        )
    from .star.particles import StarParticles

    particles = StarParticles.read(path, pixel_size)
    return particles if datadir is None else particles.moved_to(datadir)
