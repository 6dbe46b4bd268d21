"""Slices of a volume are the transforms of its projections, and their sums are their transpose."""

import pytest
import torch

from core.sets.structure.slices import Slices, lattice

from .blobs import BOX, PART, grid, random_views, transform, volume, where

RINGS = 7


def test_slices_are_the_transform_of_the_volume() -> None:
    views = random_views(20, 1)
    found = Slices(where(), views, RINGS).of(volume())
    exact = transform(views, RINGS)
    assert (found - exact).norm() < 0.03 * exact.norm()
    for ring in range(RINGS - 2):  # the last ones hold next to nothing
        assert (found[:, ring] - exact[:, ring]).norm() < 0.1 * exact[:, ring].norm()


@pytest.mark.parametrize("box", [32, 40, BOX, 2 * BOX])
def test_finer_voxels_show_the_same_volume(box: int) -> None:
    finer = lattice(grid(), PART, box)
    views = random_views(20, 1)
    found = Slices(finer, views, RINGS).of(where().onto(volume(), finer))
    exact = transform(views, RINGS)
    assert finer.box == min(box, BOX)  # never finer than the images
    assert (found - exact).norm() < 0.03 * exact.norm()


@pytest.mark.parametrize("seed", range(3))
def test_sums_are_the_transpose_of_slices(seed: int) -> None:
    torch.manual_seed(seed)
    lattice = where()
    slices = Slices(lattice, random_views(5, seed), RINGS)
    some = torch.randn(lattice.size, lattice.size, lattice.size)
    others = torch.randn(slices.of(some).shape, dtype=torch.complex64)
    forth = float((slices.of(some).conj() * others).real.sum())
    assert float((some * slices.back(others)).sum()) == pytest.approx(forth, rel=1e-3)


def test_weights_are_told_once_for_each_half_of_a_slice() -> None:
    slices = Slices(where(), random_views(5, 0), RINGS)
    values = torch.rand(5, RINGS)
    turns = where().grid.turns
    weights = slices.weights(values)
    assert float(weights.sum()) == pytest.approx(turns * float(values.sum()), rel=1e-4)
    mirrored = weights.flip(0, 1, 2).roll((1, 1, 1), (0, 1, 2))
    torch.testing.assert_close(weights, mirrored)
