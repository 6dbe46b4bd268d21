"""A set of particles: which images, at what pixel size, and the way to point at new images.

Every kind of metadata file has a class of its own that keeps this contract; what reads, denoises
and writes images knows the contract only. `particles.FORMATS` lists the classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .class_poses import ClassPoses
from .image_set import ImageSet
from .scores import Scores

NO_GROUPS = ("all particles",)
"""Name of the one group of particles whose table has none."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ParticleSet(ImageSet, ABC):
    """N particles, in the order of the rows of a metadata file; their images are an `ImageSet`.

    A format has to read, to tell pixel sizes, to take new images and to write. What else it cannot
    do, it refuses.

    Attributes
    ----------
    endings
        What names of such metadata files end in, in small letters; new ones get the first.
    stack_suffix
        What names of stacks beside them end in.
    box_field
        Where the file declares the size of the images, for messages.
    names_raw_images
        Whether the file of a denoised set names the raw images.
    way_back
        How the user comes back to the raw images.
    raw_todo
        What the user does where the raw images are not the right ones.
    optics_groups
        (N,) int32 places in `optics_names`.
    optics_names
        Names of the optics groups.
    boxes
        (N,) int64 sides of the images in pixels as the file declares them; 0 where it does not.
    given_pixel_size
        Å; it goes before what the file and the images say.
    """

    endings: ClassVar[tuple[str, ...]]
    stack_suffix: ClassVar[str]
    box_field: ClassVar[str]
    names_raw_images: ClassVar[bool]
    way_back: ClassVar[str]
    raw_todo: ClassVar[str]

    optics_groups: npt.NDArray[np.int32]
    optics_names: tuple[str, ...]
    boxes: npt.NDArray[np.int64]
    given_pixel_size: float | None = None

    @classmethod
    @abstractmethod
    def read(
        cls,
        path: Path,
        pixel_size: float | None = None,
        project_dir: Path | None = None,
        passthrough: Sequence[Path] = (),
        datadir: Path | None = None,
    ) -> Self:
        """Read a file; see `particles.read_particles`. What does not belong to it is refused."""

    @property
    def suffix(self) -> str:
        """What the names of such files end in."""
        return self.endings[0]

    @property
    def pixel_sizes(self) -> npt.NDArray[np.float64]:
        """(N,) pixel sizes in Å; IceblockError where neither the file nor the images have one."""
        if self.given_pixel_size is not None:
            return np.full(self.n, self.given_pixel_size)
        if self.found.pixel_sizes is None:
            self.found.pixel_sizes = self._find_pixel_sizes()
        return self.found.pixel_sizes

    @abstractmethod
    def _find_pixel_sizes(self) -> npt.NDArray[np.float64]:
        """Give (N,) pixel sizes in Å that nobody gave; IceblockError where there are none."""

    @property
    def contrasts(self) -> npt.NDArray[np.int8]:
        """(N,) 1 for white particles, -1 for black ones, 0 where the file does not say."""
        return np.zeros(self.n, dtype=np.int8)

    @property
    def ctf_applied(self) -> bool:
        """Whether images were phase-flipped or multiplied by their CTF since they were taken."""
        return False

    @property
    def phase_flipped(self) -> bool:
        """Whether all images were phase-flipped and no more, so that their CTFs are positive."""
        return False

    def ctf(self) -> dict[str, npt.NDArray[np.float64]] | None:
        """Give the parameters of the contrast transfer function, or None where there are none.

        Returns
        -------
        parameters
            (N,) each: `defocus_u`, `defocus_v` in Å, `defocus_angle`, `phase_shift` in degrees,
            `voltage` in kV, `spherical_aberration` in mm, `amplitude_contrast` as a fraction;
            NaN where a row has no number.
        """
        return None

    @property
    def confidences(self) -> npt.NDArray[np.float64] | None:
        """(N,) confidences as `with_confidences` wrote them; None where there are none."""
        return None

    def with_confidences(self, values: npt.NDArray[np.float32]) -> Self:
        """Give the same particles with a confidence each, 0 to 1.

        A STAR file has them in rlnIceblockConfidence, a .cs file in iceblock/confidence.

        Parameters
        ----------
        values
            (N,).
        """
        raise self._without("confidences")

    @property
    def classes(self) -> npt.NDArray[np.int64] | None:
        """(N,) numbers of 2D classes as the file counts them; None where there are none."""
        return None

    @property
    def micrographs(self) -> list[str] | None:
        """(N,) names of the micrographs; None where the file does not name them."""
        return None

    def with_scores(self, scores: Scores) -> Self:
        """Give the same particles with scores, by which other programs can select and sort.

        A STAR file has them in rlnParticleFigureOfMerit and rlnLogLikeliContribution, a .cs file in
        iceblock/score and iceblock/evidence. Classes are added only where there are none.

        Parameters
        ----------
        scores
            Of N particles.
        """
        raise self._without("scores")

    def with_classes(self, poses: ClassPoses) -> Self:
        """Give the same particles with a class and a pose in the plane each.

        A STAR file has them in rlnClassNumber, rlnAnglePsi and rlnOriginXAngst or rlnOriginX, a .cs
        file in alignments2D.

        Parameters
        ----------
        poses
            N of them.
        """
        raise self._without("classes")

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

    def restored(self) -> Self:
        """Give the same particles with their raw images; IceblockError where none are named."""
        raise IceblockError(
            f"{self.source} does not name raw images, as no {self.suffix} file does; name the "
            "particle set that was denoised with --raw"
        )

    def restored_from(self, raw: "ParticleSet") -> Self:
        """Give the same particles with the images of the raw set, where the file names none.

        Raises
        ------
        IceblockError
            For a raw set of another format, or without some of the particles.
        """
        raise IceblockError(
            f"{self.source} with --raw {raw.source}: --raw is for two .cs files, because other "
            "files name their raw images themselves; leave it out"
        )

    def moved_to(self, folder: Path) -> Self:
        """Give the same particles with their images in another folder, if the format lets them."""
        raise IceblockError(
            f"{self.source} is a {self.suffix} file, and --datadir ({folder}) belongs to STAR "
            "files; give --project-dir"
        )

    @abstractmethod
    def write(self, path: Path, rows: npt.NDArray[np.bool_] | None = None) -> None:
        """Write the metadata to `path`, whole or not at all; the source itself is refused.

        Parameters
        ----------
        path
            The file to make.
        rows
            (N,) which particles are written, at least one; None for all.
        """

    def refuse_as_output(self, path: Path) -> None:
        """Raise IceblockError if `path` is the file that this set was read from."""
        if path.exists() and self.source.exists() and path.samefile(self.source):
            raise IceblockError(
                f"{path} is the input and is never overwritten; choose another name"
            )

    def _check_count(self, count: int, what: str) -> None:
        if count != self.n:
            raise ValueError(f"{self.n} particles are given {count} {what}")

    def _without(self, what: str) -> IceblockError:
        return IceblockError(
            f"{self.source}: {self.suffix} files cannot hold {what}; name a STAR or a .cs file"
        )
