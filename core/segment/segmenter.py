"""Labels for a whole micrograph: what noise may be cut from and what not."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

import numpy as np
import numpy.typing as npt
import torch

from ..errors import IceblockError
from ..images.micrographs.reader import MicrographImage
from .border import move_border_particles
from .grid import coarse_shape, to_grid, views
from .labels import discs
from .model_file import SegmentationModel, load_model
from .network import BACKGROUND, PARTICLE, POLLUTION
from .shipped import DEFAULT

SURE = 0.8
"""Least probability of background for pixels that noise may be cut from, without picks."""
SURE_PICKED = 0.5
"""The same where picks are known: what nobody picked is likelier to be empty."""
NEVER = 1.1
"""The same in a micrograph whose particles the network cannot tell from ice: none is sure."""
DECIDED = 0.66
"""Expected F1 score of the particle labels below which a micrograph counts as undecided."""
CROWDED = 0.12
"""Expected part of a micrograph inside particles from which on that question is asked."""
LIKELY = 0.3
"""Least probability of particle to be labelled so. The F1 score of a labelling is best at half the
F1 score that can be reached (Lipton et al. 2014), which is 0.5 to 0.9 here."""


@dataclass(frozen=True)
class Segmentation:
    """What a micrograph shows, on a coarse grid."""

    probabilities: npt.NDArray[np.float32]
    """(3, h, w): background, pollution, particle."""
    shape: tuple[int, int]
    """(ny, nx) of the micrograph, which the grid covers exactly."""
    sure: float = SURE
    """Least probability of background for pixels that noise may be cut from."""

    @property
    def scale(self) -> tuple[float, float]:
        """Micrograph pixels per coarse pixel, along y and x."""
        h, w = self.probabilities.shape[1:]
        return self.shape[0] / h, self.shape[1] / w

    @cached_property
    def labels(self) -> npt.NDArray[np.uint8]:
        """(h, w): the class of each pixel; particles are labelled from `LIKELY` on."""
        chance = self.probabilities
        labels = chance.argmax(axis=0)
        labels[(chance[PARTICLE] >= LIKELY) & (chance[PARTICLE] >= chance[POLLUTION])] = PARTICLE
        return np.asarray(labels, dtype=np.uint8)

    @cached_property
    def occupied(self) -> npt.NDArray[np.uint8]:
        """(h, w) labels for cutting noise: doubtful pixels count as what else they may be."""
        doubtful = self.probabilities[BACKGROUND] < self.sure
        other = 1 + self.probabilities[1:].argmax(axis=0)
        return np.where(doubtful, other, 0).astype(np.uint8)

    @property
    def decided(self) -> bool:
        """Whether particles can be told from ice here, by the network's own probabilities.

        Without particles worth speaking of there is nothing to decide.
        """
        chance = self.probabilities[PARTICLE]
        found = self.labels == PARTICLE
        expected = float(chance.sum())
        if expected < CROWDED * chance.size:
            return True
        return 2 * float(chance[found].sum()) / (float(found.sum()) + expected) >= DECIDED

    @property
    def needs_picks(self) -> bool:
        """Whether nothing here counts as background, for want of picks."""
        return self.sure > 1

    @property
    def background(self) -> float:
        """Part of the micrograph that is surely background."""
        return float((self.occupied == 0).mean())


class Segmenter:
    """Labels micrographs with a network.

    Parameters
    ----------
    model
        The network and its description.
    device
        Where to compute.
    border
        Count particles whose box would cross the border as pollution; see `border`.
    """

    def __init__(self, model: SegmentationModel, device: str = "cpu", border: bool = True) -> None:
        self.model = model
        self.border = border
        self.device = torch.device(device)
        self.network = model.network.to(self.device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    @classmethod
    def load(cls, model: str | Path = DEFAULT, device: str = "cpu") -> Self:
        """Load the model that ships, by name, or one from a file."""
        return cls(load_model(model), device)

    def segment(
        self,
        image: MicrographImage,
        pixel_size: float,
        particle_diameter: float,
        picks: npt.NDArray[np.float64] | None = None,
        pollution: npt.NDArray[np.bool_] | None = None,
    ) -> Segmentation:
        """Label a micrograph.

        Parameters
        ----------
        image
            As `core.images.micrographs.reader` reads it.
        pixel_size, particle_diameter
            Å.
        picks : (n, 2)
            y and x in pixels; discs about them are always particle.
        pollution : (ny, nx)
            What a user painted is always pollution.

        Raises
        ------
        IceblockError
            If the particle does not fit into the micrograph.
        """
        shape = (image.pixels.shape[0], image.pixels.shape[1])
        grid = coarse_shape(shape, pixel_size, particle_diameter)
        probabilities = self._probabilities(to_grid(image.pixels, grid))
        if self.border:
            probabilities = move_border_particles(probabilities)
        if not image.valid.all():
            # Where there is no image there is no ice either.
            lost = to_grid((~image.valid).astype(np.float32), grid) > 0.25
            _set(probabilities, lost, POLLUTION)
        if pollution is not None:
            if pollution.shape != shape:
                raise IceblockError(
                    f"a pollution mask has {pollution.shape} pixels and its micrograph {shape}"
                )
            _set(probabilities, to_grid(pollution.astype(np.float32), grid) > 0.5, POLLUTION)
        made = Segmentation(probabilities, shape)
        if picks is not None and len(picks):
            radius = particle_diameter / 2 / pixel_size
            _set(probabilities, discs(grid, shape, picks, radius), PARTICLE)
            return Segmentation(probabilities, shape, SURE_PICKED)
        return made if made.decided else Segmentation(probabilities, shape, NEVER)

    @torch.inference_mode()
    def _probabilities(self, coarse: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Mean probabilities (3, h, w) over the image and its mirror images."""
        seen = torch.from_numpy(views(coarse)).to(self.device)[None]
        seen = seen.contiguous(memory_format=torch.channels_last)
        total = torch.zeros(0)
        for axes in ((), (-1,), (-2,), (-2, -1)):
            chance = self.network(seen.flip(axes)).softmax(dim=1).flip(axes)
            total = chance if len(total) == 0 else total + chance
        return np.asarray((total[0] / 4).cpu().numpy(), dtype=np.float32)


def _set(probabilities: npt.NDArray[np.float32], where: npt.NDArray[np.bool_], label: int) -> None:
    """Make a class certain."""
    probabilities[:, where] = 0
    probabilities[label, where] = 1
