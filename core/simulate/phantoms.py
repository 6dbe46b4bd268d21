"""Procedural phantoms: protein-like densities, alone or in symmetric assemblies."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter
from scipy.spatial.transform import Rotation

from .volumes import Volume

RESIDUES_PER_A3 = 0.0067
"""Residues per Å³ of folded protein: 1.35 g/cm³ at 110 Da per residue is 0.0074, a little less
for the gaps between domains."""
HELIX_RISE = 1.5
"""Å per residue along an α-helix."""


def phantom(
    seed: int,
    pixel_size: float,
    diameter: tuple[float, float] = (90.0, 300.0),
    resolution: float | None = None,
) -> Volume:
    """Make a random protein-like assembly, the same for the same seed at any pixel size.

    A subunit is a packed bundle of helix-like rods inside a union of overlapping spheres; it
    stands alone or is repeated by a cyclic or dihedral symmetry.

    Parameters
    ----------
    seed
        Decides everything but the sampling.
    pixel_size
        Å.
    diameter
        Range of the assembly's largest diameter in Å.
    resolution
        Å, default twice the pixel size.
    """
    rng = np.random.default_rng(seed)
    size = rng.uniform(*diameter)
    operators = _symmetry(rng)
    copies = len(operators)
    subunit = size / 2 if copies > 1 else size
    residues = _subunit(rng, subunit)
    offset = _offset(rng, size, subunit, copies)
    xyz = np.concatenate([op.apply(residues + offset) for op in operators])
    xyz -= (xyz.max(axis=0) + xyz.min(axis=0)) / 2
    xyz *= size / (2 * np.linalg.norm(xyz, axis=1).max())
    return Volume(
        _density(xyz, pixel_size, max(resolution or 0.0, 2 * pixel_size)),
        pixel_size,
        f"phantom{seed}",
    )


def _symmetry(rng: np.random.Generator) -> list[Rotation]:
    """Operators of a random point group: C1 (half of the time), Cn or Dn."""
    return point_group(rng, rng.choice(["C1", "C", "D"], p=[0.5, 0.25, 0.25]))


def point_group(rng: np.random.Generator, kind: str) -> list[Rotation]:
    """Operators of a point group, the identity first.

    Parameters
    ----------
    rng
        Decides the fold, 2 to 7.
    kind
        "C1", "C" (cyclic) or "D" (dihedral).
    """
    if kind == "C1":
        return [Rotation.identity()]
    fold = int(rng.integers(2, 8))
    cyclic = [Rotation.from_euler("z", 360 * k / fold, degrees=True) for k in range(fold)]
    if kind == "C":
        return cyclic
    flip = Rotation.from_euler("x", 180, degrees=True)
    return cyclic + [c * flip for c in cyclic]


def _offset(
    rng: np.random.Generator, size: float, subunit: float, copies: int
) -> npt.NDArray[np.float64]:
    """Place of the subunit relative to the symmetry axes (xyz in Å)."""
    if copies == 1:
        return np.zeros(3)
    radius = (size - subunit) / 2
    return np.array([radius * rng.uniform(0.5, 1.0), 0.0, radius * rng.uniform(0.3, 1.0)])


def _subunit(rng: np.random.Generator, diameter: float) -> npt.NDArray[np.float64]:
    """Residue positions (n, 3) of one chain: rods in a union of spheres, its domains."""
    n_domains = int(rng.integers(1, 5))
    radii = diameter / 2 * rng.uniform(0.35, 0.7, n_domains)
    centres = np.zeros((n_domains, 3))
    for i in range(1, n_domains):
        parent = int(rng.integers(i))
        step = Rotation.random(rng=rng).apply([1.0, 0.0, 0.0])
        centres[i] = centres[parent] + step * (radii[parent] + radii[i]) * 0.75
    parts = [_rods(rng, c, r, rng.uniform(12.0, 45.0)) for c, r in zip(centres, radii, strict=True)]
    return np.concatenate(parts)


def _rods(
    rng: np.random.Generator, centre: npt.NDArray[np.float64], radius: float, length: float
) -> npt.NDArray[np.float64]:
    """Residues of helix-like rods that fill one domain about evenly."""
    wanted = max(20, int(4 / 3 * np.pi * radius**3 * RESIDUES_PER_A3))
    n_rods = max(2, int(wanted * HELIX_RISE / length))
    direction = Rotation.random(n_rods, rng=rng).apply([0.0, 0.0, 1.0])
    common = Rotation.random(rng=rng).apply([0.0, 0.0, 1.0])
    direction = direction + rng.uniform(0, 2) * common  # real bundles have a common direction
    direction /= np.linalg.norm(direction, axis=1, keepdims=True)
    middle = Rotation.random(n_rods, rng=rng).apply([1.0, 0.0, 0.0])
    middle *= radius * rng.uniform(0, 1, (n_rods, 1)) ** (1 / 3)
    along = np.arange(-length / 2, length / 2, HELIX_RISE)
    xyz = middle[:, None, :] + along[None, :, None] * direction[:, None, :]
    xyz = xyz.reshape(-1, 3)
    inside = np.linalg.norm(xyz, axis=1) <= radius
    return np.asarray(xyz[inside] + centre)


def _density(
    xyz: npt.NDArray[np.float64], pixel_size: float, resolution: float
) -> npt.NDArray[np.float32]:
    """Gaussian blobs at the residues on an even cubic grid (z, y, x)."""
    box = 2 * int(np.ceil(1.15 * np.linalg.norm(xyz, axis=1).max() / pixel_size)) + 4
    edges = (np.arange(box + 1) - 0.5 - box // 2) * pixel_size
    counts, _ = np.histogramdd(xyz[:, ::-1], bins=[edges] * 3)
    residue = 1.9  # Å: the spread of one residue's atoms about its Cα
    sigma = np.hypot(0.225 * resolution, residue) / pixel_size
    return np.asarray(gaussian_filter(counts, sigma, mode="constant"), dtype=np.float32)
