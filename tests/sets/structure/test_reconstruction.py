"""A volume is found again from its slices, and weakly where they say little."""

import pytest
import torch

from core.sets.structure.reconstruction import Sums, reconstructed
from core.sets.structure.slices import Slices
from core.sets.templates.reference import directions

from .blobs import volume, where

RINGS = 7


def found(precision: float) -> float:
    """Reconstruct from slices of a precision (one over noise power); give the part of the truth."""
    lattice, truth = where(), volume() * where().mask
    slices = Slices(lattice, directions(150), RINGS)
    area = lattice.grid.sample_areas[:RINGS]
    exact = slices.of(truth)
    power = exact.abs().square().mean((0, 2))
    each = precision / power.mean() * area
    sums = Sums(2 * slices.back(exact * each[:, None]), slices.weights(each.expand(len(exact), -1)))
    made = torch.zeros_like(truth)
    for _ in range(5):
        made = reconstructed(sums, 1.0, power, made, lattice)
    return float((slices.of(made).conj() * exact).real.sum() / exact.abs().square().sum())


def test_slices_without_noise_give_the_volume() -> None:
    assert found(100.0) == pytest.approx(1, abs=0.06)


def test_the_less_is_known_the_weaker_is_the_volume() -> None:
    parts = [found(precision) for precision in (1e-3, 1e-2, 1e-1, 1.0)]
    assert parts == sorted(parts)
    assert 0 < parts[0] < 0.5 < parts[-1]
