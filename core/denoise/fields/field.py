"""A whole micrograph, denoised."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...images.micrographs.reader import MicrographImage
from ...segment.segmenter import Segmenter
from .grid import WorkingGrid
from .ice import in_units_of_ice, low_pass, without_accidents
from .strength import Strength, measured
from .tiles import FieldNetwork

Image = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Field:
    """A denoised micrograph at the working pixel size.

    Attributes
    ----------
    grid
        How its pixels lie in the micrograph.
    image
        (h, w) dark particles, in units of the ice's standard deviation, mean of the ice 0; 0 where
        there is pollution.
    raw
        (h, w) what was denoised, in the same units.
    pollution
        (h, w) float32, 0 to 1.
    empty
        (h, w) bool: surely nothing but ice.
    strength
        What the image is made of.
    """

    grid: WorkingGrid
    image: Image
    raw: Image
    pollution: Image
    empty: npt.NDArray[np.bool_]
    strength: Strength

    @property
    def floor(self) -> float:
        """Standard deviation in empty ice, in units of the raw one at the same pixel size."""
        if not self.empty.any():
            return 0.0
        return float(self.image[self.empty].std() / max(self.raw[self.empty].std(), 1e-12))


def denoise_field(
    micrograph: MicrographImage,
    pixel_size: float,
    particle_diameter: float,
    network: FieldNetwork,
    segmenter: Segmenter,
    picks: npt.NDArray[np.float64] | None = None,
) -> Field:
    """Denoise a micrograph.

    Pollution is not denoised: a network that knows particles alone would see particles in it. It
    becomes flat, at the level of the ice.

    Parameters
    ----------
    micrograph
        As the reader gives it; particles dark.
    pixel_size, particle_diameter
        Å.
    network, segmenter
        What denoises and what tells the ice.
    picks : (n, 2)
        y, x in pixels of the micrograph; what was picked counts as no pollution.

    Raises
    ------
    IceblockError
        If a particle does not fit into the micrograph.
    """
    ny, nx = micrograph.pixels.shape
    grid = WorkingGrid.of((ny, nx), pixel_size, network.model.card.working_pixel_size)
    labels = segmenter.segment(micrograph, pixel_size, particle_diameter, picks)
    working = grid.shrunk(without_accidents(micrograph.pixels))
    ice = in_units_of_ice(working, labels, grid.working_pixel_size)
    answer = network(ice.image)
    weights = measured(ice, answer, grid.working_pixel_size, network)
    made = weights.network * answer
    if weights.low_pass:
        made += weights.low_pass * low_pass(ice.image, grid.working_pixel_size)
    shown = (-made * (1 - ice.pollution)).astype(np.float32)
    return Field(grid, shown, -ice.image, ice.pollution, ice.empty, weights)
