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

MOST_RINGS = 24
"""That are compared; finer ones say next to nothing of where a particle lies."""
MOST_TURNS = 64
"""That are tried."""
STEP, REACH = 1.0, 2.2
"""Pixels between offsets that are tried, and how many standard deviations they reach."""
LEAST_SD = 0.5
"""Pixels: smaller standard deviations of offsets are taken for this."""
LEAST_EVIDENCE = 0.02
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

    @cached_property
    def rings(self) -> int:
        """Rings that are compared: beyond them no view differs from noise."""
        evidence = 0.5 * self.grid.turns * self.grid.sample_areas * self.powers / self.noise
        beyond = evidence.flip(1).cumsum(1).flip(1).amax(0)
        return min(MOST_RINGS, max(1, int((beyond > LEAST_EVIDENCE).sum())))

    @property
    def turns(self) -> int:
        """Turns that are tried."""
        return min(self.grid.turns, MOST_TURNS)

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
    def offsets(self) -> torch.Tensor:
        """(s, 2) y, x in pixels, about the centre."""
        return disc(max(STEP, REACH * self.offset_sd), STEP).to(self.views.device)

    @cached_property
    def moved(self) -> torch.Tensor:
        """(turns // 2, rings, k * s) Fourier coefficients along the rings of views at `offsets`."""
        samples = self.grid.moved(self.views[:, None], self.grid.phases(self.offsets))
        spectra = torch.fft.rfft(samples)[:, :, : self.rings, : self.turns // 2]
        moved: torch.Tensor = spectra.permute(3, 2, 0, 1).flatten(2).contiguous()
        return moved

    def to(self, device: torch.device | str) -> KnownViews:
        """Give the same on another device."""
        moved: dict[str, Any] = {k: v.to(device) for k, v in self.tensors().items()}
        return replace(self, **moved)

    def tensors(self) -> dict[str, torch.Tensor]:
        """Give the fields that are tensors, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {k: v for k, v in values.items() if isinstance(v, torch.Tensor)}
