"""Images on rings of Fourier space, where a turn of the image is a shift along the ring.

An image's Fourier transform Y is sampled at `rings` radii and `turns` angles. Y of a real image at
θ + 180° is the complex conjugate of Y at θ, so the real numbers h = Re Y + Im Y (the Hartley
transform) hold all of it: Re Y is the part of h that is the same at θ + 180°, Im Y the part that
changes its sign. The sum of h1 · h2 along a ring is the real part of the sum of Y1 · conj(Y2).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch

EDGE = 3.0
"""Pixels over which the mask falls from 1 to 0."""


@dataclass(frozen=True)
class PolarGrid:
    """Where images of one box are sampled.

    Attributes
    ----------
    box
        Pixels, even.
    turns
        Angles on each ring, even; angle t is at 360° · t / turns from x towards y.
    radii : (rings,)
        In Fourier pixels of 1 / box: 1, 2, 3 …
    mask_power
        Mean of the squared mask over the box: the part of white noise that is left in a ring.
    """

    box: int
    turns: int
    radii: torch.Tensor
    mask_power: float
    _places: torch.Tensor
    _mirrored: torch.Tensor
    _centre: int
    _weights: torch.Tensor
    _cosines: torch.Tensor
    _sines: torch.Tensor

    @property
    def rings(self) -> int:
        """Number of rings."""
        return len(self.radii)

    @property
    def sample_areas(self) -> torch.Tensor:
        """(rings,) Fourier pixels for which one sample stands: 2π r / turns."""
        return 2 * math.pi * self.radii / self.turns

    def sample(self, images: torch.Tensor, rings: int | None = None) -> torch.Tensor:
        """Give the samples (n, rings, turns) of images (n, box, box) inside the mask.

        Parameters
        ----------
        images : (n, box, box)
        rings
            The first ones, or all.
        """
        flat = images.flatten(1)
        one, other = flat[:, self._places], flat[:, self._mirrored]
        centre = flat[:, self._centre, None]
        shape = (len(images), rings or self.rings, self.turns // 2)
        some = slice(shape[1] * shape[2])
        real = (one + other) @ self._cosines[:, some] + centre
        imaginary = (one - other) @ self._sines[:, some]
        return hartley(real.reshape(shape), imaginary.reshape(shape))

    def images(self, samples: torch.Tensor) -> torch.Tensor:
        """Give the images (n, box, box) of samples (n, rings, turns); 0 outside the mask.

        There may be the first rings alone; the others are 0 then.
        The sum over all samples, each with its area, is the inverse transform up to the error of
        the sampling, a few per cent.
        """
        real, imaginary = parts(samples)
        area = 2 * self.sample_areas[: samples.shape[1], None] / self.box**2
        real, imaginary = (real * area).flatten(1), (imaginary * area).flatten(1)
        some = slice(real.shape[1])
        even = real @ self._cosines[:, some].T / self._weights
        odd = imaginary @ self._sines[:, some].T / self._weights
        made = torch.zeros(len(samples), self.box**2, device=samples.device)
        made[:, self._places] = even + odd
        made[:, self._mirrored] = even - odd
        made[:, self._centre] = real.sum(1)
        return made.reshape(-1, self.box, self.box)

    def phases(self, offsets: torch.Tensor) -> torch.Tensor:
        """Give the factors of Y that move images by offsets (n, 2), y and x in pixels.

        Returns
        -------
        phases : (n, rings, turns // 2) complex
            At the angles below 180°; the others follow from them.
        """
        angles = self.angles()
        along = offsets[:, :1] * torch.sin(angles) + offsets[:, 1:] * torch.cos(angles)
        phase = -2 * math.pi / self.box * self.radii[:, None] * along[:, None, :]
        return torch.polar(torch.ones_like(phase), phase)

    def moved(self, samples: torch.Tensor, phases: torch.Tensor) -> torch.Tensor:
        """Move images: samples (…, rings, turns) with phases that fit them."""
        transform = torch.complex(*parts(samples)) * phases
        return hartley(transform.real, transform.imag)

    def angles(self) -> torch.Tensor:
        """Give the angles (turns // 2,) below 180° in radians, from x towards y."""
        return torch.arange(self.turns // 2, device=self.radii.device) * (2 * math.pi / self.turns)


def parts(samples: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Give Re Y and Im Y at the angles below 180°."""
    half = samples.shape[-1] // 2
    near, far = samples[..., :half], samples[..., half:]
    return (near + far) / 2, (near - far) / 2


def hartley(real: torch.Tensor, imaginary: torch.Tensor) -> torch.Tensor:
    """Give samples (…, turns) whose Re Y and Im Y at the angles below 180° are known."""
    return torch.cat([real + imaginary, real - imaginary], dim=-1)


@lru_cache(maxsize=4)
def polar_grid(box: int, radius: float, device: torch.device | str = "cpu") -> PolarGrid:
    """Make the grid of a box.

    Parameters
    ----------
    box
        Pixels, even.
    radius
        Of the mask, in pixels, at most half the box: inside `radius - EDGE` the mask is 1.
    device
        Where to compute.
    """
    radius = min(radius, box / 2 - 1)
    rings = box // 2 - 2
    # A ring holds angular frequencies up to 2π · radius of the object · r / box.
    turns = 32 * max(2, math.ceil(4 * math.pi * (radius - EDGE / 2) * rings / box / 32))
    centred = torch.arange(box, dtype=torch.float64) - box // 2
    y, x = (part.flatten() for part in torch.meshgrid(centred, centred, indexing="ij"))
    distance = (y.square() + x.square()).sqrt()
    falling = ((distance - (radius - EDGE)) / EDGE).clamp(0, 1)
    mask = 0.5 + 0.5 * torch.cos(math.pi * falling)
    places = ((mask > 1e-3) & ((y > 0) | ((y == 0) & (x > 0)))).nonzero()[:, 0]
    mirrored = (box // 2 - y[places]) * box + (box // 2 - x[places])
    angles = torch.arange(turns // 2, dtype=torch.float64) * (2 * math.pi / turns)
    radii = torch.arange(1, rings + 1, dtype=torch.float64)
    along = y[places, None] * torch.sin(angles) + x[places, None] * torch.cos(angles)
    phase = (2 * math.pi / box * radii[:, None] * along[:, None, :]).flatten(1)
    weights = mask[places]
    return PolarGrid(
        box=box,
        turns=turns,
        radii=radii.float().to(device),
        mask_power=float(mask.square().mean()),
        _places=places.to(device),
        _mirrored=mirrored.long().to(device),
        _centre=box // 2 * box + box // 2,
        _weights=weights.float().to(device),
        _cosines=(weights[:, None] * torch.cos(phase)).float().to(device),
        _sines=(-weights[:, None] * torch.sin(phase)).float().to(device),
    )
