"""The images that a metadata file names, and where they lie on the disk."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .denoised_mark import is_denoised
from .project_root import find_root, name_from_root
from .references import ImageReferences


@dataclass
class Found:
    """What was found out from the raw images; it stays true when others take their place."""

    root: Path | None = None
    pixel_sizes: npt.NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False, kw_only=True)
class ImageSet:
    """N images, in the order of the rows of a metadata file.

    Attributes
    ----------
    source
        The metadata file.
    images
        Which images they are.
    found
        What is known of them already.
    """

    source: Path
    images: ImageReferences
    found: Found = field(default_factory=Found)

    @property
    def names(self) -> list[str]:
        """(N,) image names as they stand in the file."""
        return self.images.names

    @property
    def stacks(self) -> tuple[str, ...]:
        """The different image files; see `ImageReferences`."""
        return self.images.stacks

    @property
    def stack_ids(self) -> npt.NDArray[np.int32]:
        """(N,) places in `stacks`."""
        return self.images.stack_ids

    @property
    def indices(self) -> npt.NDArray[np.int64]:
        """(N,) 0-based numbers of the images in their files."""
        return self.images.indices

    @property
    def n(self) -> int:
        """Number of particles."""
        return len(self.names)

    def __len__(self) -> int:
        return len(self.names)

    @property
    def root(self) -> Path:
        """The folder that relative image paths start from.

        It is the given project folder, or the current folder, or else the nearest folder above
        `source`, from which all image files exist; IceblockError where there is none.
        """
        if self.found.root is None:
            self.found.root = self._find_root()
        return self.found.root

    def _find_root(self) -> Path:
        return find_root(self.source, self.stacks, suits=self.is_meant)

    @property
    def project(self) -> Path | None:
        """The project folder, where paths in the file start at one that the user may name."""
        return None

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
