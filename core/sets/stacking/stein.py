"""Stein's identity: how estimates relate to the truth, from noisy images alone.

An image is y = x + n: truth and Gaussian noise. For every estimate e(y), the mean of <e, n> is the
mean of <n', e(y + ε n') - e(y)> / ε, where n' is an independent draw of the same noise (Stein, Ann.
Statist. 9 (1981); with probes: Ramani, Blu and Unser, IEEE Trans. Image Process. 17 (2008)). Hence
<e, x> = <e, y> - <e, n> is known without x. It holds for noise that is Gaussian, and for estimates
that have not seen this image before: what has learned from the image itself has seen its noise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import torch

from ...signal.spectrum import radial_index
from .combination import strength

EPSILON = 0.1
"""Part of the noise that a probe adds."""


@dataclass(frozen=True)
class Products:
    """Products, of n images, of j parts of an estimate, summed over each ring of Fourier space.

    Attributes
    ----------
    squares : (n, j, j, rings)
        <d_j, d_k>.
    image : (n, j, rings)
        <d_j, y>.
    probe, probed : (n, j, rings)
        <n', d_j(y)> and <n', d_j(y + ε n')>.
    strength, strength_probed : (n,)
        Of the first part, without and with the probe.
    """

    squares: torch.Tensor
    image: torch.Tensor
    probe: torch.Tensor
    probed: torch.Tensor
    strength: torch.Tensor
    strength_probed: torch.Tensor

    def __len__(self) -> int:
        return len(self.strength)

    def take(self, rows: torch.Tensor) -> Products:
        """Give those of some images."""
        return Products(*(getattr(self, field.name)[rows] for field in fields(self)))

    def parts(self, which: list[int]) -> Products:
        """Give those of some parts, in their order."""
        return replace(
            self,
            squares=self.squares[:, which][:, :, which],
            image=self.image[:, which],
            probe=self.probe[:, which],
            probed=self.probed[:, which],
        )

    def weighed(self, rings: torch.Tensor) -> Products:
        """Give the same with a factor (rings,) on each ring."""
        names = ("squares", "image", "probe", "probed")
        return replace(self, **{name: getattr(self, name) * rings for name in names})

    def cpu(self) -> Products:
        """Give the same in the CPU's memory."""
        return Products(*(getattr(self, field.name).cpu() for field in fields(self)))

    @property
    def still(self) -> torch.Tensor:
        """(n, j, rings) part of <d_j, x> without the probe; on average `still - moved` is it."""
        return self.image + self.probe / EPSILON

    @property
    def moved(self) -> torch.Tensor:
        """(n, j, rings) part of <d_j, x> with the probe."""
        return self.probed / EPSILON


def products(
    images: torch.Tensor, probes: torch.Tensor, found: torch.Tensor, found_probed: torch.Tensor
) -> Products:
    """Multiply what was found for images with what they are.

    Parameters
    ----------
    images, probes : (n, box, box)
        y, and draws n' of noise of the same spectrum.
    found, found_probed : (n, j, box, box)
        Parts of the estimate for y and for y + ε n'.
    """
    rings = images.shape[-1] // 2 + 1
    spectra, probed = torch.fft.rfft2(found), torch.fft.rfft2(found_probed)
    image, probe = torch.fft.rfft2(images)[:, None], torch.fft.rfft2(probes)[:, None]
    count = found.shape[1]
    pairs = [in_rings(_real(spectra, spectra[:, k : k + 1]), rings) for k in range(count)]
    return Products(
        squares=torch.stack(pairs, dim=2).double(),
        image=in_rings(_real(spectra, image), rings).double(),
        probe=in_rings(_real(spectra, probe), rings).double(),
        probed=in_rings(_real(probed, probe), rings).double(),
        strength=strength(found[:, 0]),
        strength_probed=strength(found_probed[:, 0]),
    )


def joined(several: Sequence[Products]) -> Products:
    """Put the products of several groups of images behind one another."""
    names = [field.name for field in fields(Products)]
    return Products(*(torch.cat([getattr(one, name) for one in several]) for name in names))


def _real(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return one.real * other.real + one.imag * other.imag


def in_rings(power: torch.Tensor, rings: int) -> torch.Tensor:
    """Sum real (…, box, box // 2 + 1) on the grid of an rfft2 over rings: sums of pixels' products.

    By Parseval's theorem, all rings together are the sum over the pixels.
    """
    box = power.shape[-2]
    weight = torch.full((box // 2 + 1,), 2.0, device=power.device)
    weight[0] = 1
    if box % 2 == 0:
        weight[-1] = 1
    index = radial_index(box, rings, power.device).flatten()
    flat = (power * (weight / box**2)).flatten(-2)
    made = torch.zeros(*flat.shape[:-1], rings, dtype=flat.dtype, device=power.device)
    return made.index_add_(-1, index, flat)
