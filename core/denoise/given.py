"""What a user knows of particles before they are denoised: reference volumes, class averages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import IceblockError
from ..images.class_averages import read_class_averages
from ..remarks import warn
from ..sets.classes.polar import PolarGrid
from ..sets.templates.reference import averages, projections
from ..simulate.references import is_inverted, read_reference


@dataclass(frozen=True)
class Given:
    """Files of a user's.

    Attributes
    ----------
    volumes
        Maps or atomic models of what the particles may be.
    classes
        Class averages of theirs; see `read_class_averages`.
    project_dir
        Where the paths in a list of class averages start; found if it is None.
    """

    volumes: Sequence[Path] = ()
    classes: Path | None = None
    project_dir: Path | None = None

    @property
    def names(self) -> list[str]:
        """Name each estimate that follows from a file, for reports and records."""
        files = [path.name for path in self.volumes]
        shown = [
            path.name if files.count(path.name) == 1 else f"{path.parent.name}/{path.name}"
            for path in self.volumes
        ]
        if len(set(shown)) < len(shown):
            raise IceblockError(
                f"--volume names {max(shown, key=shown.count)} twice: give each volume once, or "
                "rename one of them."
            )
        found = [f"views of {name}" for name in shown]
        return found + ([f"classes of {self.classes.name}"] if self.classes else [])

    def check(self, pixel_size: float) -> None:
        """Read all files, for a pixel size in Å; raise IceblockError as `views` does."""
        for path in self.volumes:
            read_reference(path, pixel_size)
        if self.classes is not None:
            read_class_averages(self.classes, self.project_dir)

    def views(self, number: int, grid: PolarGrid, pixel_size: float) -> torch.Tensor:
        """Sample the pictures of one of the files.

        Parameters
        ----------
        number
            Of its name in `names`.
        grid
            Of the images.
        pixel_size
            Å, of the images.

        Returns
        -------
        views : (k, rings, turns)
            White, in any units.

        Raises
        ------
        IceblockError
            If the file is missing, of the wrong kind, empty, or does not suit the images.
        """
        if number < len(self.volumes):
            volume, remarks = read_reference(self.volumes[number], pixel_size)
            for remark in remarks:
                warn(remark)
            return projections(volume, grid)
        assert self.classes is not None
        found = read_class_averages(self.classes, self.project_dir)
        images = found.images
        if is_inverted(images):
            warn(
                f"{self.classes} shows black particles (most of its contrast is negative): its "
                "class averages were inverted."
            )
            images = -images
        return averages(torch.from_numpy(images), found.pixel_size, grid, pixel_size)

    def tell_unused(self, kept: Sequence[str]) -> None:
        """Say which files do not bring the result closer to the truth, as the images tell.

        Parameters
        ----------
        kept
            Names of the estimates that have a weight in some set.
        """
        for name in self.names:
            if name not in kept:
                warn(
                    f"The {name} do not bring these images closer to the truth, as the images "
                    "themselves tell: they were left out, and the result is as without them."
                )
