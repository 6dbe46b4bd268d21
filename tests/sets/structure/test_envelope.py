"""The solvent mask holds the particle and is weak elsewhere, whatever the size of the particle."""

import pytest
import torch

from core.sets.structure.envelope import KEPT, OUTSIDE, solvent_mask

from .blobs import volume, where


def ball(radius: float) -> torch.Tensor:
    """Give a soft ball, its radius a part of the lattice's."""
    lattice = where()
    return ((radius * lattice.size / 2 - lattice.distances) / 2).clamp(0, 1)


@pytest.mark.parametrize("noisy", [0.0, 0.1])
def test_it_keeps_nearly_all_of_a_particle(noisy: float) -> None:
    drawn = torch.randn(where().mask.shape, generator=torch.Generator().manual_seed(1))
    clean = volume() * where().mask
    mask = solvent_mask(clean + noisy * float(clean.max()) * drawn * where().mask, where())
    assert float((clean * mask).sum() / clean.sum()) > 0.9
    assert (mask <= where().mask + 1e-6).all()


def test_solvent_stays_weak_and_open() -> None:
    small, lattice = ball(0.35), where()
    mask = solvent_mask(small - 0.05 * (1 - small), lattice)
    within = (mask / lattice.mask)[lattice.mask > 0.5]
    outside = lattice.distances[lattice.mask > 0.5] > 0.8 * lattice.size / 2
    assert float(within[outside].mean()) < 2 * OUTSIDE
    assert float(within.min()) >= OUTSIDE - 1e-5
    assert float(mask.square().sum() / lattice.mask.square().sum()) > KEPT / 2


def test_a_particle_that_fills_the_ball_is_kept() -> None:
    large = ball(0.9)
    mask = solvent_mask(large - 0.2 * (1 - large), where())
    assert float((large * mask).sum() / (large * where().mask).sum()) > 0.95
