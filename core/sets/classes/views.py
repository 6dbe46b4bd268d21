"""Images as the engine of the classes sees them: polar samples with their CTF."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ...signal.ctf import CtfParameters, polar_ctf
from .polar import PolarGrid


@dataclass(frozen=True)
class Views:
    """n images on a polar grid.

    Attributes
    ----------
    samples : (n, rings, turns)
        Of the images times their CTF.
    transfer : (n, rings)
        Mean of the squared CTF on each ring.
    power : (n, rings)
        Of the images, mean over each ring.
    groups : (n,)
        Places of their optics groups.
    """

    samples: torch.Tensor
    transfer: torch.Tensor
    power: torch.Tensor
    groups: torch.Tensor

    def __len__(self) -> int:
        return len(self.samples)

    def take(self, rows: torch.Tensor | slice) -> Views:
        """Give some of the images."""
        return Views(self.samples[rows], self.transfer[rows], self.power[rows], self.groups[rows])


def view(
    images: torch.Tensor,
    grid: PolarGrid,
    pixel_size: float,
    ctf: CtfParameters | None,
    groups: npt.NDArray[np.int64],
    *,
    flipped: bool = False,
) -> Views:
    """Sample images.

    Parameters
    ----------
    images : (n, box, box)
        White particles, the background's mean 0.
    grid
        Of their box.
    pixel_size
        Å.
    ctf
        n of them; None where there are none.
    groups : (n,)
        Places of the optics groups.
    flipped
        Whether the images were phase-flipped: their CTFs are the absolute values then.
    """
    samples = grid.sample(images)
    power = samples.square().mean(-1)
    transfer = torch.ones_like(power)
    if ctf is not None:
        frequencies = grid.radii.double().numpy() / grid.box
        seen = polar_ctf(ctf, frequencies, grid.angles().double().numpy(), pixel_size)
        values = torch.from_numpy(np.abs(seen) if flipped else seen)
        transfer = values.square().mean(-1)
        samples = samples * torch.cat([values, values], dim=-1)
    return Views(samples, transfer, power, torch.from_numpy(groups))


def joined(parts: list[Views]) -> Views:
    """Put several groups of images behind one another."""
    return Views(
        *(
            torch.cat([getattr(part, name) for part in parts])
            for name in ("samples", "transfer", "power", "groups")
        )
    )
