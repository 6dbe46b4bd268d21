"""The Fourier-Bessel basis: images on a disc, by angular and radial frequency."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import jn_zeros, jv

BAND_LIMIT = 0.48
"""Cycles per pixel: short of Nyquist, where sampled functions are no longer orthogonal."""
_NODES = 96
"""Points of the integral over frequency."""


@dataclass(frozen=True)
class Ring:
    """The functions of one angular frequency l: radial ones times cos lθ, then times sin lθ."""

    start: int
    """Place of the first among all functions."""
    radial: int
    """How many radial functions there are."""
    copies: int
    """1 for l = 0, else 2."""
    spectra: npt.NDArray[np.float64]
    """(nodes, radial): their Hankel transforms, weighted so that a radial filter with values f at
    the nodes is the matrix `spectra.T @ (f[:, None] * spectra)`."""

    @property
    def places(self) -> slice:
        """Where its coefficients lie."""
        return slice(self.start, self.start + self.copies * self.radial)

    def filters(self, values: npt.NDArray[np.float64]) -> torch.Tensor:
        """Matrices (g, radial, radial) float64 of radial filters.

        Parameters
        ----------
        values : (g, nodes)
            At the basis's frequencies.
        """
        spectra = torch.from_numpy(self.spectra)
        return (spectra.T * torch.from_numpy(values)[:, None]) @ spectra


@dataclass(frozen=True)
class FourierBessel:
    """J_l(z r / R) cos lθ and sin lθ with J_l(z) = 0, orthonormal on the disc of radius R.

    A turn of the image mixes the two copies of a radial function only, and a filter that depends
    on |frequency| alone, such as a CTF, mixes radial functions of the same l only (Zhao, Shkolnisky
    and Singer, IEEE Trans. Comput. Imaging 2 (2016)).
    """

    box: int
    """Pixels, even; R is half of it."""
    frequencies: npt.NDArray[np.float64]
    """(nodes,) cycles per pixel, where radial filters are given."""
    rings: tuple[Ring, ...]
    images: torch.Tensor
    """(box², size) float32: every function as an image."""

    @property
    def size(self) -> int:
        """Number of functions."""
        return self.images.shape[1]

    def analyse(self, images: torch.Tensor) -> torch.Tensor:
        """Coefficients (n, size) of images (n, box, box)."""
        return images.flatten(1) @ self.images


@lru_cache(maxsize=4)
def fourier_bessel(box: int) -> FourierBessel:
    """Make the basis of an even box; about (π · BAND_LIMIT · box)² / 4 functions."""
    radius = box / 2
    nodes, weights = _legendre(_NODES, BAND_LIMIT)
    centred = np.arange(box) - box // 2
    squares, theta = centred[:, None] ** 2 + centred**2, np.arctan2(centred[:, None], centred)
    inside = squares < radius**2
    distances, places = np.unique(squares[inside], return_inverse=True)
    rings: list[Ring] = []
    columns: list[npt.NDArray[np.float32]] = []
    start, limit = 0, 2 * np.pi * BAND_LIMIT * radius
    for order in range(int(limit)):
        zeros = jn_zeros(order, max(1, int((limit - order) / np.pi) + 1))
        zeros = zeros[zeros <= limit]
        if not len(zeros):
            break
        norm = np.sqrt(np.pi) * radius * np.abs(jv(order + 1, zeros))
        spectra = _hankel(order, zeros, radius, nodes) / norm
        spectra *= 2 * np.pi * np.sqrt(2 * np.pi * nodes * weights)[:, None]
        radial = (jv(order, np.outer(np.sqrt(distances), zeros) / radius) / norm)[places]
        turns = [np.ones(len(radial))]
        if order:
            angles = order * theta[inside]
            turns = [np.sqrt(2) * np.cos(angles), np.sqrt(2) * np.sin(angles)]
        for turn in turns:
            image = np.zeros((box * box, len(zeros)), dtype=np.float32)
            image[inside.ravel()] = radial * turn[:, None]
            columns.append(image)
        rings.append(Ring(start, len(zeros), len(turns), spectra))
        start += len(turns) * len(zeros)
    images = torch.from_numpy(np.concatenate(columns, axis=1))
    return FourierBessel(box, nodes, tuple(rings), images)


def _hankel(
    order: int,
    zeros: npt.NDArray[np.float64],
    radius: float,
    frequencies: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """Integrals of J(2πkr) J(zr/R) r over 0 … R for J(z) = 0, (k, z); DLMF 10.22.4."""
    waves = 2 * np.pi * radius * frequencies[:, None]
    apart = zeros**2 - waves**2
    slope = jv(order + 1, zeros)
    near = np.abs(apart) < 1e-6 * zeros**2
    apart = np.where(near, 1.0, apart)
    there = radius**2 * zeros * slope * jv(order, waves) / apart
    return np.where(near, radius**2 / 2 * slope**2, there)


def _legendre(count: int, length: float) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Points and weights of the Gauss-Legendre integral from 0 to `length`."""
    points, weights = np.polynomial.legendre.leggauss(count)
    return (points + 1) / 2 * length, weights / 2 * length
