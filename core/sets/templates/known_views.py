"""Pictures that particles may look like: class averages, or projections of a reference."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch

from ..classes.polar import polar_grid
from ..classes.search import disc

if TYPE_CHECKING:
    from ..classes.polar import PolarGrid

COARSE_RINGS, COARSE_TURNS = 14, 64
"""On which all views are tried."""
COARSE_STEP, MIDDLE_STEP = 2.0, 1.0
"""Pixels between offsets on the coarse rings: where finer rings follow, and where none do."""
FINE_STEP, FINE_REACH = 0.5, 1.0
"""Pixels between offsets on all rings, and how far from the best coarse one they reach."""
LEAST_SD = 0.5
"""Pixels: smaller standard deviations of offsets are taken for this."""
LEAST_EVIDENCE = 0.1
"""Nats that all rings beyond those compared may say of a view, at most."""


@dataclass(frozen=True)
class KnownViews:
    """Views without a CTF, white, each of which any particle may show, turned and moved.

    Attributes
    ----------
    views : (k, rings, turns)
        Polar samples.
    noise : (rings,)
        Power of the images' noise in a Fourier pixel of the whole box.
    box
        Pixels of the images that are compared.
    pixel_size
        Å.
    radius
        Of the mask, pixels.
    offset_sd
        Of the particles' offsets along y and along x, pixels.
    empty
        Part of the images that show no particle.
    """

    views: torch.Tensor
    noise: torch.Tensor
    box: int
    pixel_size: float
    radius: float
    offset_sd: float
    empty: float

    @property
    def grid(self) -> PolarGrid:
        """Where the views are sampled."""
        return polar_grid(self.box, self.radius, self.views.device)

    @cached_property
    def rings(self) -> int:
        """Rings that are compared: beyond them no view differs from noise."""
        evidence = 0.5 * self.grid.turns * self.grid.sample_areas * self.powers / self.noise
        beyond = evidence.flip(1).cumsum(1).flip(1).amax(0)
        return max(1, int((beyond > LEAST_EVIDENCE).sum()))

    @property
    def spread(self) -> float:
        """Twice the variance of offsets along one axis, pixels²."""
        return 2 * max(self.offset_sd, LEAST_SD) ** 2

    @cached_property
    def powers(self) -> torch.Tensor:
        """(k, rings) mean over each ring."""
        return self.views.square().mean(-1)

    @cached_property
    def offsets(self) -> torch.Tensor:
        """(s, 2) y, x in pixels, about the centre."""
        step = COARSE_STEP if self.rings > COARSE_RINGS else MIDDLE_STEP
        reach = max(COARSE_STEP, 2.2 * self.offset_sd)
        return disc(reach, step).to(self.views.device)

    @cached_property
    def near_offsets(self) -> torch.Tensor:
        """(s, 2) about where a particle was found."""
        return disc(FINE_REACH, FINE_STEP).to(self.views.device)

    @cached_property
    def coarse(self) -> torch.Tensor:
        """(frequencies, rings, k * s) of all views at `offsets`; see `spectra`."""
        spectra = self.spectra(self.offsets, min(self.rings, COARSE_RINGS), COARSE_TURNS)
        return spectra.permute(1, 2, 0, 3).flatten(2).contiguous()

    @cached_property
    def fine(self) -> torch.Tensor:
        """(k, frequencies, rings, 1) of all views as they are; see `spectra`."""
        here = torch.zeros(1, 2, device=self.views.device)
        return self.spectra(here, self.rings, self.grid.turns).contiguous()

    def spectra(self, offsets: torch.Tensor, rings: int, turns: int) -> torch.Tensor:
        """Give the Fourier coefficients along the rings (k, turns // 2, rings, s), moved."""
        moved = self.grid.moved(self.views[:, None], self.grid.phases(offsets))
        spectra: torch.Tensor = torch.fft.rfft(moved)[:, :, :rings, : turns // 2]
        return spectra.permute(0, 3, 2, 1)

    def to(self, device: torch.device | str) -> KnownViews:
        """Give the same on another device."""
        moved: dict[str, Any] = {k: v.to(device) for k, v in self.tensors().items()}
        return replace(self, **moved)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give the fields that are tensors, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, torch.Tensor)}
