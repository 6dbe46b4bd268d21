"""Pictures that particles may look like: class averages, or projections of a reference."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Any

import torch

from ..classes.polar import PolarGrid, polar_grid
from ..classes.search import disc

MOST_RINGS = 30
"""That are compared, and that estimates hold, at most."""
MOST_TURNS = 64
"""That are tried."""
STEP, REACH = 1.0, 2.2
"""Pixels between offsets that are tried, and how many standard deviations they reach."""
COARSE_RINGS, COARSE_TURNS, COARSE_STEP = 14, 48, 1.5
"""The same for the coarse comparison that finds the best of many views."""
LEAST_SD = 0.5
"""Pixels: smaller standard deviations of offsets are taken for this."""
LEAST_EVIDENCE = 0.02
"""Nats that all rings beyond those compared may say of a view, at most."""


@dataclass(frozen=True)
class Tried:
    """Views as images are compared with them.

    Attributes
    ----------
    turns
        That are tried.
    offsets : (s, 2)
        That are tried: y, x in pixels, of the particle in the image.
    phases : (s, rings, grid's turns // 2)
        Factors that move images by the offsets.
    spectra : (turns // 2, rings, k)
        Fourier coefficients of the views along the compared rings.
    """

    turns: int
    offsets: torch.Tensor
    phases: torch.Tensor
    spectra: torch.Tensor

    @property
    def rings(self) -> int:
        """Rings that are compared."""
        return self.spectra.shape[1]


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
    weights : (k,)
        Part of the particles that show each view; None where all are as many.
    """

    views: torch.Tensor
    noise: torch.Tensor
    box: int
    pixel_size: float
    radius: float
    offset_sd: float
    empty: float
    weights: torch.Tensor | None = None

    @property
    def grid(self) -> PolarGrid:
        """Where the views are sampled."""
        return polar_grid(self.box, self.radius, self.views.device)

    @property
    def spread(self) -> float:
        """Twice the variance of offsets along one axis, pixels²."""
        return 2 * max(self.offset_sd, LEAST_SD) ** 2

    @cached_property
    def powers(self) -> torch.Tensor:
        """(k, rings) mean over each ring."""
        return self.views.square().mean(-1)

    @cached_property
    def log_shares(self) -> torch.Tensor:
        """(k,) logarithm of the weights over their mean."""
        if self.weights is None:
            return torch.zeros(len(self.views), device=self.views.device)
        return (len(self.views) * self.weights).log()

    @cached_property
    def fine(self) -> Tried:
        """What images are compared with."""
        return self._tried(MOST_RINGS, MOST_TURNS, STEP)

    @cached_property
    def coarse(self) -> Tried:
        """What images are compared with where only the best of many views are compared finely."""
        return self._tried(COARSE_RINGS, COARSE_TURNS, COARSE_STEP)

    def _tried(self, most_rings: int, most_turns: int, step: float) -> Tried:
        grid = self.grid
        # Beyond some ring no view differs from noise.
        evidence = 0.5 * grid.turns * grid.sample_areas * self.powers / self.noise
        beyond = evidence.flip(1).cumsum(1).flip(1).amax(0)
        rings = min(most_rings, max(1, int((beyond > LEAST_EVIDENCE).sum())))
        turns = min(grid.turns, most_turns)
        offsets = disc(max(step, REACH * self.offset_sd), step).to(self.views.device)
        spectra = torch.fft.rfft(self.views[:, :rings])[..., : turns // 2]
        phases = grid.phases(offsets)[:, :rings]
        return Tried(turns, offsets, phases, spectra.permute(2, 1, 0).contiguous())

    def to(self, device: torch.device | str) -> KnownViews:
        """Give the same on another device."""
        moved: dict[str, Any] = {k: v.to(device) for k, v in self.tensors().items()}
        return replace(self, **moved)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give the fields that are tensors, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, torch.Tensor)}
