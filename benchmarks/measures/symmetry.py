"""The rotations that leave a volume as it is, found in its density.

Two poses that differ by one of them give the same image, so that no error lies between them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage
from scipy.spatial.transform import Rotation

from core.compare.clustering import directions

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from core.simulate.volumes import Volume

    Likeness = Callable[[Rotation], float]

FOLDS = (2, 3, 4, 5, 6, 7, 8)
ALIKE = 0.98
"""Correlation from which a turned volume counts as the same; a true rotation reaches 0.999."""
PROMISING = 0.5
"""The same, before an axis is improved."""
SAME = 20.0
"""Degrees within which two rotations are one: elements of an eightfold group are 45° apart."""
_RESOLUTION = 20.0
_POINTS = 400
_AXES = 600
_APART = np.cos(np.radians(15.0))
_PEAKS = 12
_LARGEST = 120


def symmetry_rotations(volume: Volume, folds: tuple[int, ...] = FOLDS) -> npt.NDArray[np.float64]:
    """Find the rotations about the centre of mass under which a density repeats itself.

    Axes 6° apart are tried with two to eight folds on the density at 20 Å; the promising ones are
    improved, and all products of those that fit are taken.

    Parameters
    ----------
    volume
        White density.
    folds
        Those that are tried.

    Returns
    -------
    group : (s, 3, 3)
        They left-multiply column vectors xyz; the identity comes first.
    """
    density = ndimage.gaussian_filter(
        np.clip(volume.data, 0, None), 0.225 * _RESOLUTION / volume.pixel_size
    )
    centre = np.array(ndimage.center_of_mass(density))
    points, values = _sample(density)
    points = points - centre

    def likeness(turn: Rotation) -> float:
        moved = turn.apply(points[:, ::-1])[:, ::-1] + centre
        found = ndimage.map_coordinates(density, moved.T, order=1)
        return float(np.corrcoef(found, values)[0, 1]) if found.std() > 0 else 0.0

    group = [Rotation.identity()]
    axes = _axes()
    for fold in folds:
        turns = [Rotation.from_rotvec(axis * 360 / fold, degrees=True) for axis in axes]
        scores = np.array([likeness(turn) for turn in turns])
        improved = [_improve(axes[place], fold, likeness) for place in _peaks(axes, scores)]
        for better in sorted(improved, key=likeness, reverse=True):
            if likeness(better) > ALIKE and not _known(better, group):
                group = _closure([*group, better])
    return np.stack([turn.as_matrix() for turn in group])


def _axes() -> npt.NDArray[np.float64]:
    """Directions xyz over half the sphere, (m, 3)."""
    rot, tilt = np.radians(directions(2 * _AXES)[:_AXES].T)
    return np.stack([np.sin(tilt) * np.cos(rot), np.sin(tilt) * np.sin(rot), np.cos(tilt)], axis=1)


def _peaks(axes: npt.NDArray[np.float64], scores: npt.NDArray[np.float64]) -> list[int]:
    """Rows of promising axes, best first, none of them near a better one."""
    kept: list[int] = []
    for place in np.argsort(-scores):
        if scores[place] < PROMISING or len(kept) == _PEAKS:
            break
        if not kept or np.abs(axes[kept] @ axes[place]).max() < _APART:
            kept.append(int(place))
    return kept


def _sample(
    density: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Voxels zyx inside and about the molecule, and their values."""
    inside = np.argwhere(density > 0.02 * density.max())
    rows = np.random.default_rng(0).choice(len(inside), min(_POINTS, len(inside)), replace=False)
    points = inside[rows]
    return points.astype(np.float64), density[tuple(points.T)].astype(np.float64)


def _improve(axis: npt.NDArray[np.float64], fold: int, likeness: Likeness) -> Rotation:
    """Tilt an axis by halving steps to where the turn about it fits best."""

    def turn(about: npt.NDArray[np.float64]) -> Rotation:
        return Rotation.from_rotvec(about * 360 / fold, degrees=True)

    best, score = axis, likeness(turn(axis))
    for step in np.radians([3.0, 3.0, 1.5, 1.5, 0.75, 0.75, 0.4, 0.2]):
        across = np.linalg.svd(best[None])[2][1:]
        for tilt in (across[0], -across[0], across[1], -across[1]):
            other = best + step * tilt
            other /= np.linalg.norm(other)
            value = likeness(turn(other))
            if value > score:
                best, score = other, value
    return turn(best)


def _known(turn: Rotation, group: list[Rotation]) -> bool:
    """Tell whether a rotation is there already."""
    apart = (Rotation.concatenate(group).inv() * turn).magnitude()
    return bool(np.degrees(apart).min() < SAME)


def _closure(group: list[Rotation]) -> list[Rotation]:
    """Add all products, until there are no new ones."""
    grown = list(group)
    for one in grown:  # the list grows while it is walked
        for other in list(grown):
            product = one * other
            if len(grown) < _LARGEST and not _known(product, grown):
                grown.append(product)
    return grown
