"""More structures out of few: sub-complexes, bent models, symmetric assemblies never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import gemmi
import numpy as np
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from core.simulate.atomic_models import positions
from core.simulate.phantoms import point_group

if TYPE_CHECKING:
    from collections.abc import Collection

    import numpy.typing as npt

CONTACT = 5.0
"""Å between the nearest of the atoms that are looked at in neighbouring copies."""
OVERLAP = 8.0
"""Å by which two models overlap that are put together end to end."""
_LOOKED_AT = 400


def chain_names(structure: gemmi.Structure) -> list[str]:
    """Names of the chains in file order."""
    return [chain.name for chain in structure[0]]


def subset(structure: gemmi.Structure, chains: Collection[str]) -> gemmi.Structure:
    """Copy with only the named chains: a sub-complex."""
    part = structure.clone()
    for name in chain_names(structure):
        if name not in chains:
            part[0].remove_chain(name)
    part.name = f"{structure.name}:{'+'.join(sorted(chains))}"
    return part


def nearest_chains(structure: gemmi.Structure, seed: str, count: int) -> list[str]:
    """Names of a chain and its nearest neighbours by centre of mass: a compact sub-complex."""
    centres = {
        chain.name: np.mean([a.pos.tolist() for r in chain for a in r], axis=0)
        for chain in structure[0]
    }
    distance = {name: float(np.linalg.norm(c - centres[seed])) for name, c in centres.items()}
    return sorted(distance, key=lambda name: distance[name])[:count]


def bent(structure: gemmi.Structure, rng: np.random.Generator, sd: float) -> gemmi.Structure:
    """Copy of a model, displaced by a smooth random field as large as its softest motions.

    Parameters
    ----------
    structure
        From `core.simulate.atomic_models.read_model` or `subset`.
    rng
        Decides the field: six plane waves about as long as the model.
    sd
        Root mean square displacement of an atom along each axis, Å.
    """
    moved = structure.clone()
    xyz = positions(moved)
    size = float(np.ptp(xyz, axis=0).max())
    direction = Rotation.random(6, rng=rng).apply([1.0, 0.0, 0.0])
    waves = direction / (size * rng.uniform(0.7, 1.5, (6, 1)))
    phase = np.cos(2 * np.pi * (xyz @ waves.T + rng.uniform(size=6)))
    field = phase @ rng.normal(size=(6, 3)) / np.sqrt(3)
    field *= sd / max(float(np.sqrt(field.var())), 1e-6)
    for site, place in zip(moved[0].all(), xyz + field, strict=True):
        site.atom.pos = gemmi.Position(*place)
    return moved


def across(first: gemmi.Structure, second: gemmi.Structure) -> gemmi.Structure:
    """Lay the long axis of a second model across the end of the first one's: no symmetry is left.

    The ends overlap a little, so that they hold together at the resolution of an image.
    """
    one, other = (positions(each) for each in (first, second))
    centre, other = one.mean(0), other - other.mean(0)
    one = one - centre
    long, moved = (np.linalg.svd(xyz, full_matrices=False)[2][0] for xyz in (one, other))
    side = np.cross(long, np.eye(3)[np.abs(long).argmin()])
    other = Rotation.align_vectors(side[None], moved[None])[0].apply(other)
    place = centre + long * ((one @ long).max() - (other @ long).min() - OVERLAP)
    whole, added = first.clone(), second.clone()
    for site, xyz in zip(added[0].all(), other + place, strict=True):
        site.atom.pos = gemmi.Position(*xyz)
    for chain in added[0]:
        chain.name = f"{chain.name}2"
        whole[0].add_chain(chain)
    whole.name = f"{first.name} and {second.name}"
    return whole


def assembly(
    structure: gemmi.Structure, rng: np.random.Generator, operators: list[Rotation] | None = None
) -> gemmi.Structure:
    """Arrange copies of a model, turned at random, by a point group so that they touch.

    Parameters
    ----------
    structure
        The subunit.
    rng
        Decides its pose and the point group.
    operators
        Of the point group; by default a random cyclic or dihedral one.
    """
    operators = operators or point_group(rng, rng.choice(["C", "D"]))
    xyz = positions(structure)
    turn = Rotation.random(rng=rng)
    xyz = turn.apply(xyz - xyz.mean(axis=0))
    direction = np.array([1.0, 0.0, rng.uniform(0.2, 1.0)])
    seen = xyz[:: max(1, len(xyz) // _LOOKED_AT)]
    offset = _touching(seen, operators, direction) * direction
    whole = structure.clone()
    for name in [chain.name for chain in structure[0]]:
        whole[0].remove_chain(name)
    centre = positions(structure).mean(axis=0)
    for operator in operators:
        copy = structure.clone()
        matrix = (operator * turn).as_matrix()
        shift = operator.apply(offset) - matrix @ centre
        turned = gemmi.Transform(gemmi.Mat33(matrix.tolist()), gemmi.Vec3(*shift))
        copy[0].transform_pos_and_adp(turned)
        for chain in copy[0]:
            whole[0].add_chain(chain)
    whole.name = f"{len(operators)} x {structure.name}"
    return whole


def _touching(
    xyz: npt.NDArray[np.float64], operators: list[Rotation], direction: npt.NDArray[np.float64]
) -> float:
    """Give the distance from the axes, along a direction, at which a copy meets its neighbours."""
    low, high = 0.0, 4.0 * float(np.linalg.norm(xyz, axis=1).max())
    for _ in range(12):
        middle = (low + high) / 2
        placed = xyz + middle * direction
        others = np.concatenate([operator.apply(placed) for operator in operators[1:]])
        apart = float(np.min(cKDTree(others).query(placed)[0]))
        low, high = (middle, high) if apart < CONTACT else (low, middle)
    return high
