"""Mean and covariance come out as they were put in, and nothing comes out of noise."""

import numpy as np
import pytest

from core.sets.covariance.estimate import GROUPS, Groups, estimate, group_by_transfer
from core.sets.covariance.fourier_bessel import fourier_bessel

BOX = 24


def planted(n: int, seed: int, strength: float) -> tuple[np.ndarray, Groups, np.ndarray, list]:
    """Coefficients of whitened images whose moments are known."""
    rng = np.random.default_rng(seed)
    basis = fourier_bessel(BOX)
    transfer = np.stack([np.sin(3 + a * basis.frequencies**2) for a in (10.0, 20.0, 30.0, 45.0)])
    groups = Groups(transfer, rng.integers(4, size=n))
    filters = [ring.filters(transfer).numpy() for ring in basis.rings]
    mean = strength * rng.normal(size=basis.rings[0].radial)
    values = rng.normal(size=(n, basis.size))
    covariances = []
    for ring, matrices in zip(basis.rings, filters, strict=True):
        half = np.zeros((ring.radial, ring.radial))
        if ring.radial > 2:
            half[:, :2] = strength * rng.normal(size=(ring.radial, 2))
        weights = rng.normal(size=(n, ring.copies, ring.radial)) @ half.T
        if ring.copies == 1:
            weights += mean
        seen = np.einsum("nab,ncb->nca", matrices[groups.of_image], weights)
        values[:, ring.places] += seen.reshape(n, -1)
        covariances.append(half @ half.T)
    return values, groups, mean, covariances


def test_moments_are_found() -> None:
    values, groups, mean, covariances = planted(6000, 3, 2.0)
    basis = fourier_bessel(BOX)
    found = estimate(values, basis, groups)
    matrices = [ring.filters(groups.transfer).numpy() for ring in basis.rings]
    seen = [matrices[0] @ one for one in (found.mean, mean)]
    assert np.linalg.norm(seen[0] - seen[1]) < 0.1 * np.linalg.norm(seen[1])
    for ring, matrix, one, other in zip(
        basis.rings, matrices, found.covariances, covariances, strict=True
    ):
        if ring.radial > 2:
            passed = [np.einsum("gab,bc,gdc->gad", matrix, x, matrix) for x in (one, other)]
            assert np.linalg.norm(passed[0] - passed[1]) < 0.2 * np.linalg.norm(passed[1])


@pytest.mark.parametrize("n", [100, 2000])
def test_noise_alone_teaches_nothing(n: int) -> None:
    values, groups, _, _ = planted(n, 4, 0.0)
    found = estimate(values, fourier_bessel(BOX), groups)
    assert found.signal < 0.02 * values.shape[1]


def test_like_transfers_are_put_together_the_same_way_every_time() -> None:
    rng = np.random.default_rng(5)
    frequencies = np.linspace(0, 0.5, 96)
    transfer = np.sin(200 * rng.uniform(0.5, 1, (500, 1)) * frequencies**2)
    first, second = (group_by_transfer(transfer) for _ in range(2))
    assert np.array_equal(first.of_image, second.of_image)
    assert len(first.transfer) <= GROUPS
    assert first.counts.sum() == 500
    assert first.counts.min() > 0
    apart = np.abs(first.transfer[first.of_image] - transfer).mean()
    assert apart < 0.2 * np.abs(transfer).mean()
    few = group_by_transfer(transfer[:3].repeat(10, axis=0))
    assert len(few.transfer) == 3
    assert np.array_equal(few.transfer[few.of_image], transfer[:3].repeat(10, axis=0))
