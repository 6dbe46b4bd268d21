"""The part of the Fourier plane in which images are compared with projections."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from core.signal.ctf import ctf_images
from core.simulate.projection import crop_centre, to_images

if TYPE_CHECKING:
    from core.signal.ctf import CtfParameters
    from core.simulate.projection import VolumeTransform

_CHUNK = 128


class Band:
    """The coefficients of an rfft2 that are compared, and the weight of each.

    Parameters
    ----------
    box
        Even, pixels.
    pixel_size
        Å.
    resolution
        Å up to which coefficients are taken; 0 for Nyquist.
    power : (bins,)
        Noise power in rings up to Nyquist, whose inverse weights the coefficients; None for equal
        weights.
    device
        Where to compute.
    """

    def __init__(
        self,
        box: int,
        pixel_size: float,
        resolution: float,
        power: torch.Tensor | None,
        device: torch.device,
    ) -> None:
        self.box, self.pixel_size, self.device = box, pixel_size, device
        fy = torch.fft.fftfreq(box, device=device)[:, None].expand(-1, box // 2 + 1)
        fx = torch.fft.rfftfreq(box, device=device).expand(box, -1)
        radius = (fy.square() + fx.square()).sqrt()
        limit = min(0.5 - 1e-6, pixel_size / resolution if resolution > 0 else 0.5)
        self.chosen = (radius > 0) & (radius <= limit)
        self.fy, self.fx = fy[self.chosen], fx[self.chosen]
        twice = torch.where(self.fx == 0, 1.0, 2.0)
        if power is not None:
            ring = radius[self.chosen] * 2 * (len(power) - 1)
            lower = ring.floor().long()
            part = ring - lower
            power = power.to(device)
            noise = power[lower] * (1 - part) + power[(lower + 1).clamp(max=len(power) - 1)] * part
            twice = twice / noise.clamp(min=1e-12)
        self.weight = (twice / twice.mean()).sqrt()

    def spectra(self, images: torch.Tensor) -> torch.Tensor:
        """Give weighted coefficients (n, m) of images centred at box // 2, of length 1."""
        spectra = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
        found: torch.Tensor = spectra[:, self.chosen] * self.weight
        length = found.abs().square().sum(1, keepdim=True).sqrt()
        return found / length.clamp(min=1e-20)

    def modulation(self, ctf: CtfParameters | None, n: int) -> torch.Tensor:
        """Give the CTFs, (n, m)."""
        if ctf is None:
            return torch.ones(n, len(self.fy), device=self.device)
        parts = [
            ctf_images(
                ctf.take(np.arange(start, min(start + _CHUNK, n))),
                self.pixel_size, self.box, self.device,
            )[:, self.chosen]
            for start in range(0, n, _CHUNK)
        ]  # fmt: skip
        return torch.cat(parts)

    def references(self, volume: VolumeTransform, matrices: torch.Tensor) -> torch.Tensor:
        """Give weighted coefficients (r, m) of projections, without a CTF."""
        parts = []
        for start in range(0, len(matrices), _CHUNK):
            slices = volume.slices(matrices[start : start + _CHUNK])
            images = crop_centre(to_images(slices), self.box)
            spectra = torch.fft.rfft2(torch.fft.ifftshift(images, dim=(-2, -1)))
            parts.append(spectra[:, self.chosen] * self.weight)
        return torch.cat(parts)

    def centred(self, observed: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
        """Undo offsets (n, 2) or (1, 2) of y and x pixels."""
        phase = shifts[:, :1] * self.fy + shifts[:, 1:] * self.fx
        return observed * torch.exp(2j * torch.pi * phase)
