"""A volume of Gaussian blobs, whose Fourier transform is known, and images of its projections."""

import math

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from core.sets.classes.polar import EDGE, PolarGrid, polar_grid
from core.sets.structure.slices import Lattice, lattice

BOX, PART = 48, 0.75
WIDTH = 2.5
"""Standard deviation of each blob, pixels."""
PLACES = torch.tensor([[1.0, 1, 0], [11, 0, 2], [-4, 10, 0], [-6, -4, 10], [-2, -7, -12]])
"""x, y, z in pixels."""
HEIGHTS = torch.tensor([1.0, 0.9, 0.7, 0.8, 0.6])


def grid() -> PolarGrid:
    """Polar samples of images."""
    return polar_grid(BOX, PART * BOX / 2 + EDGE)


def where() -> Lattice:
    """Voxels of a volume."""
    return lattice(grid(), PART, BOX // 2)


def volume() -> torch.Tensor:
    """Sample the blobs on the lattice, so that its transform is that of the images' pixels."""
    size = where().size
    line = (torch.arange(size, dtype=torch.float32) - size // 2) * 2
    z, y, x = torch.meshgrid(line, line, line, indexing="ij")
    points = torch.stack([x, y, z], dim=-1)
    made = torch.zeros(size, size, size)
    for place, height in zip(PLACES, HEIGHTS, strict=True):
        made += height * torch.exp(-(points - place).square().sum(-1) / (2 * WIDTH**2))
    return made * 8  # a voxel is eight pixels cubed


def transform(matrices: torch.Tensor, rings: int) -> torch.Tensor:
    """Give the exact slices (k, rings, turns // 2) of the blobs."""
    polar = grid()
    frequency = 2 * math.pi * polar.radii[:rings, None] / BOX
    flat = torch.stack([
        frequency * torch.cos(polar.angles()),
        frequency * torch.sin(polar.angles()),
        torch.zeros(rings, polar.turns // 2),
    ], dim=-1)  # fmt: skip
    waves = torch.einsum("kij,rtj->krti", matrices, flat)
    strength = (2 * math.pi) ** 1.5 * WIDTH**3 * torch.exp(-waves.square().sum(-1) * WIDTH**2 / 2)
    phases = torch.exp(-1j * torch.einsum("krti,bi->krtb", waves, PLACES))
    found: torch.Tensor = strength * (phases * HEIGHTS).sum(-1)
    return found


def random_views(count: int, seed: int) -> torch.Tensor:
    """Draw rotations (count, 3, 3)."""
    return torch.from_numpy(Rotation.random(count, random_state=seed).as_matrix()).float()


def images(count: int, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Draw noisy images of the blobs in random views, not centred, and the clean ones."""
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    line = torch.arange(BOX, dtype=torch.float32) - BOX // 2
    clean = torch.zeros(count, BOX, BOX)
    height = HEIGHTS * math.sqrt(2 * math.pi) * WIDTH
    for number, matrix in enumerate(random_views(count, seed)):
        seen = PLACES @ matrix  # into the frame of the image
        seen = seen[:, :2] + torch.from_numpy(rng.normal(0, 1, 2)).float()
        for (x, y), strength in zip(seen, height, strict=True):
            across = torch.exp(-(line - x).square() / (2 * WIDTH**2))
            down = torch.exp(-(line - y).square() / (2 * WIDTH**2))
            clean[number] += strength * down[:, None] * across
    return clean + noise * torch.randn(clean.shape, generator=generator), clean
