"""Einstein from noise: align pictures of noise to a reference, average, and look at what appears.

Noise that is aligned to any reference averages to a faint copy of it (Henderson, PNAS 2013). A
denoiser that paints what it knows into noise makes the copy stronger than the noise itself does.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

TURNS = 36
"""In-plane angles that are tried."""
REACH = 1 / 8
"""Largest shift along an axis, as a part of the box."""
_PIECE = 16


@dataclass(frozen=True)
class Reference:
    """A projection to align to."""

    image: torch.Tensor
    """(box, box)."""
    mask: torch.Tensor
    """(box, box) bool: the particle's support."""


@dataclass(frozen=True)
class Average:
    """The average of aligned images, inside the reference's mask."""

    image: torch.Tensor
    """(box, box)."""
    norm: float
    """Root mean square."""
    correlation: float
    """With the reference."""


def aligned_average(images: torch.Tensor, reference: Reference) -> Average:
    """Turn and move each image to where it correlates best with a reference, and average.

    Parameters
    ----------
    images : (n, box, box) float
    reference
        Of the same box.
    """
    box = images.shape[-1]
    weight = reference.mask.to(images.dtype)
    template = (reference.image - (reference.image * weight).sum() / weight.sum()) * weight
    angles = torch.arange(TURNS) * (2 * torch.pi / TURNS)
    templates = rotated(template.expand(TURNS, box, box), angles)
    total = torch.zeros(box, box)
    for piece in torch.split(images, _PIECE):
        turn, dy, dx = best_places(piece, templates, round(REACH * box))
        moved = torch.stack(
            [
                torch.roll(image, (-int(y), -int(x)), (0, 1))
                for image, y, x in zip(piece, dy, dx, strict=True)
            ]
        )
        total += rotated(moved, -angles[turn]).sum(0)
    average = total / len(images)
    inside, wanted = average[reference.mask], reference.image[reference.mask]
    return Average(
        average,
        float(inside.square().mean().sqrt()),
        float(torch.corrcoef(torch.stack([inside, wanted]))[0, 1].nan_to_num()),
    )


def best_places(
    images: torch.Tensor, templates: torch.Tensor, reach: int
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Find template and shift of the largest cross-correlation.

    Parameters
    ----------
    images : (n, box, box)
    templates : (k, box, box)
    reach
        Pixels, the largest shift along an axis.

    Returns
    -------
    template, dy, dx : (n,)
        The image looks like that template, moved down and right by so many pixels.
    """
    box = images.shape[-1]
    spectra = torch.fft.rfft2(images)[:, None] * torch.fft.rfft2(templates).conj()[None]
    scores = torch.fft.irfft2(spectra, s=(box, box))
    shifts = torch.arange(-reach, reach + 1)
    near = scores[:, :, shifts[:, None] % box, shifts % box].flatten(1)
    best = near.argmax(1)
    side = len(shifts)
    return best // side**2, shifts[best // side % side], shifts[best % side]


def rotated(images: torch.Tensor, angles: torch.Tensor) -> torch.Tensor:
    """Turn (n, box, box) images about the pixel box // 2 by (n,) angles in radians, bilinearly."""
    n, box, _ = images.shape
    d = torch.arange(box, dtype=torch.float32) - box // 2
    cos, sin = angles.cos()[:, None, None], angles.sin()[:, None, None]
    y = sin * d + cos * d[:, None]
    x = cos * d - sin * d[:, None]
    # grid_sample counts from -1 to 1 between the centres of the outermost pixels.
    grid = torch.stack([x, y], dim=-1).add_(box // 2).mul_(2 / (box - 1)).sub_(1)
    turned = torch.nn.functional.grid_sample(images[:, None], grid, align_corners=True)
    return turned[:, 0].reshape(n, box, box)
