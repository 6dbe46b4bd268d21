"""Mean and covariance of clean images, from noisy images of all poses with a CTF each.

Particles lie in the ice at any angle in the plane. So the covariance of their images consists of
one small matrix for each angular frequency. A few hundred noisy images are enough to estimate these
matrices. Images with similar CTFs form a group, and a least-squares fit to the covariances of all
groups gives the covariance before the CTF (Bhamre, Zhang and Singer, J. Struct. Biol. 195 (2016)).
Before the fit, the eigenvalues are shrunk, because noise alone makes some of them larger (optimal
shrinkage of a spiked covariance: Donoho, Gavish and Johnstone, Ann. Statist. 46 (2018)).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.cluster.vq import kmeans2

from ...compute.threads import shared
from .fourier_bessel import FourierBessel, Ring

Floats = npt.NDArray[np.float64]

GROUPS = 64
"""Largest number of groups of images with similar CTFs."""
_RIDGE_MEAN, _RIDGE = 1e-3, 1e-4
"""Fractions of the mean diagonal that are added to the diagonal: no CTF passes some frequencies."""


@dataclass(frozen=True)
class Groups:
    """Images whose radial transfer is about the same."""

    transfer: Floats
    """(g, nodes): CTF over the noise's amplitude, at the basis's frequencies."""
    of_image: npt.NDArray[np.int64]
    """(n,)."""

    @property
    def counts(self) -> Floats:
        """(g,) images in each."""
        return np.bincount(self.of_image, minlength=len(self.transfer)).astype(np.float64)


@dataclass(frozen=True)
class Moments:
    """Mean and covariance of clean images before the CTF, as coefficients of the basis."""

    mean: Floats
    """(radial,) of the ring l = 0; averaged over all angles, the mean of all other rings is 0."""
    covariances: list[Floats]
    """(radial, radial) for each ring."""
    signal: float
    """Mean energy of an image's signal about the mean, for noise of variance 1 per coefficient."""
    filters: list[torch.Tensor]
    """(g, radial, radial) for each ring: the groups' transfers as matrices on its coefficients."""


def group_by_transfer(transfer: Floats) -> Groups:
    """Group images with similar transfers (n, nodes); the result is always the same."""
    distinct, of_image = np.unique(transfer, axis=0, return_inverse=True)
    of_image = of_image.reshape(-1)
    if len(distinct) <= GROUPS:
        return Groups(distinct, of_image)
    centres, nearest = kmeans2(distinct, GROUPS, minit="++", rng=np.random.default_rng(0))
    used, labels = np.unique(nearest, return_inverse=True)
    return Groups(centres[used], labels.reshape(-1)[of_image])


def estimate(
    coefficients: npt.NDArray[np.floating],
    basis: FourierBessel,
    groups: Groups,
    pool: Executor | None = None,
) -> Moments:
    """Find mean and covariance.

    Parameters
    ----------
    coefficients : (n, size)
        Of whitened images: CTF × clean / noise amplitude + white noise of variance 1.
    basis
        That they belong to.
    groups
        The radial transfer of each image.
    pool
        Whose threads share the rings; torch has to use one thread in each.
    """
    order = np.argsort(groups.of_image, kind="stable")
    counts = groups.counts

    def of_ring(ring: Ring) -> tuple[torch.Tensor, Floats | None, Floats]:
        filters = ring.filters(groups.transfer)
        values = torch.from_numpy(coefficients[order, ring.places].astype(np.float64))
        parts = torch.split(values, counts.astype(np.int64).tolist())
        mean = _mean(parts, filters, counts) if ring.copies == 1 else None
        seen = _second_moments(parts, filters, mean, ring)
        return filters, mean, _covariance(seen, filters.numpy(), counts, ring)

    found = list(shared(pool, of_ring, basis.rings))
    signal = 0.0
    for ring, (filters, _, covariance) in zip(basis.rings, found, strict=True):
        passed = ((filters @ torch.from_numpy(covariance)) * filters).sum(dim=(1, 2))
        signal += ring.copies * float(np.average(passed.numpy(), weights=counts))
    mean = found[0][1]
    assert mean is not None  # the first ring is l = 0
    return Moments(mean, [part[2] for part in found], signal, [part[0] for part in found])


def _mean(parts: Sequence[torch.Tensor], filters: torch.Tensor, counts: Floats) -> Floats:
    """Least squares over the groups' means."""
    sums = torch.stack([part.sum(0) for part in parts])
    turned = filters.mT
    left = (torch.from_numpy(counts)[:, None, None] * (turned @ filters)).sum(0).numpy()
    right = (turned @ sums[:, :, None]).sum(0)[:, 0].numpy()
    ridge = _RIDGE_MEAN * np.trace(left) / len(left)
    return np.asarray(np.linalg.solve(left + ridge * np.eye(len(left)), right))


def _second_moments(
    parts: Sequence[torch.Tensor], filters: torch.Tensor, mean: Floats | None, ring: Ring
) -> Floats:
    """Add up products of coefficients less the mean over each group's images, (g, q, q)."""
    sums = []
    for values, matrix in zip(parts, filters, strict=True):
        about = values if mean is None else values - matrix @ torch.from_numpy(mean)
        rows = about.reshape(-1, ring.radial)
        sums.append(rows.T @ rows)
    return np.asarray((torch.stack(sums) / ring.copies).numpy())


def _covariance(seen: Floats, transfers: Floats, counts: Floats, ring: Ring) -> Floats:
    """Solve Σ n AᵀA C AᵀA = Σ n Aᵀ (S - 1) A for a covariance C of one ring."""
    q, n = ring.radial, counts.sum()
    passed = _product(transfers.transpose(0, 2, 1), transfers)
    excess = seen - counts[:, None, None] * np.eye(q)
    across = _product(excess, transfers)
    right = _product(transfers.reshape(-1, q).T, across.reshape(-1, q)) / n
    scale = (counts[:, None, None] * passed).sum(0) / n
    right = _shrunk(right, scale, q / (n * ring.copies))
    flat = passed.reshape(len(passed), -1)
    products = _product((counts[:, None] * flat / n).T, flat)
    left = products.reshape(q, q, q, q).transpose(0, 2, 1, 3).reshape(q * q, q * q)
    ridge = _RIDGE * np.trace(left) / len(left)
    system = torch.from_numpy(left + ridge * np.eye(q * q))
    found = torch.linalg.solve(system, torch.from_numpy(right.ravel()))
    return _positive(found.numpy().reshape(q, q))


def _shrunk(right: Floats, scale: Floats, ratio: float) -> Floats:
    """Shrink the eigenvalues, which noise makes too large; done where the noise is white.

    Parameters
    ----------
    right : (q, q)
        Covariance after the transfer, less the noise's own covariance.
    scale : (q, q)
        Covariance of the noise in the same coordinates.
    ratio
        Number of coefficients over number of samples.
    """
    size, axes = np.linalg.eigh(scale)
    size = size.clip(min=1e-6 * size.max())
    root = (axes * np.sqrt(size)) @ axes.T
    inverse = (axes / np.sqrt(size)) @ axes.T
    whitened = inverse @ right @ inverse
    values, axes = np.linalg.eigh((whitened + whitened.T) / 2)
    kept = (axes * _true_spikes(values, ratio)) @ axes.T
    return np.asarray(root @ kept @ root)


def _true_spikes(excess: Floats, ratio: float) -> Floats:
    """Estimate true eigenvalues above 1 from those of the sample, for the Frobenius loss."""
    seen = excess + 1
    above = seen > (1 + np.sqrt(ratio)) ** 2
    middle = np.where(above, seen + 1 - ratio, 2.0)
    spike = (middle + np.sqrt((middle**2 - 4 * seen).clip(min=0))) / 2 - 1
    spike = np.where(above, spike, 1.0)
    alike = (1 - ratio / spike**2) / (1 + ratio / spike)
    return np.where(above, spike * alike.clip(min=0), 0.0)


def _product(one: Floats, other: Floats) -> Floats:
    """Multiply on torch's threads: with one of them, always to the same bits."""
    return np.asarray((torch.from_numpy(one) @ torch.from_numpy(other)).numpy())


def _positive(matrix: Floats) -> Floats:
    values, axes = np.linalg.eigh((matrix + matrix.T) / 2)
    return np.asarray((axes * values.clip(min=0)) @ axes.T)
