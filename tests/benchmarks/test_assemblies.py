"""Bent models keep their shape, and assemblies are symmetric and touch."""

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial import cKDTree
from scipy.spatial.transform import Rotation

from benchmarks.assemblies import CONTACT, assembly, bent, chain_names, nearest_chains, subset
from core.simulate.atomic_models import density_of_model, positions, read_model
from core.simulate.phantoms import point_group

from ..simulate.shapes import atoms, pdb_atom, write_pdb


@pytest.fixture
def model(tmp_path: Path):
    xyz = np.random.default_rng(0).normal(size=(200, 3)) * [15.0, 9.0, 6.0]
    return read_model(write_pdb(tmp_path / "a.pdb", np.round(xyz + 40, 3)))


@pytest.mark.parametrize("sd", [0.5, 3.0])
def test_a_bent_model_is_displaced_smoothly(model, sd: float) -> None:
    moved = positions(bent(model, np.random.default_rng(1), sd)) - positions(model)
    assert np.sqrt(moved.var()) == pytest.approx(sd, rel=0.02)
    distance, index = cKDTree(positions(model)).query(positions(model), k=2)
    close = distance[:, 1] < 3
    apart = np.linalg.norm(moved[close] - moved[index[close, 1]], axis=1)
    assert apart.mean() < 0.35 * sd * np.sqrt(6)  # of unrelated displacements it would be all


def test_seeds_decide(model) -> None:
    one, same, other = (bent(model, np.random.default_rng(k), 2.0) for k in (1, 1, 2))
    np.testing.assert_array_equal(positions(one), positions(same))
    assert not np.allclose(positions(one), positions(other))


@pytest.mark.parametrize("kind", ["C", "D"])
@pytest.mark.parametrize("seed", range(3))
def test_an_assembly_has_its_symmetry_and_touches(model, kind: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    operators = point_group(rng, kind)
    whole = assembly(model, rng, operators)
    xyz = positions(whole)
    assert len(xyz) == len(operators) * 200
    assert len(chain_names(whole)) == len(operators) * len(chain_names(model))
    for operator in operators:
        distance, _ = cKDTree(xyz).query(operator.apply(xyz))
        assert distance.max() < 0.01
    copies = xyz.reshape(len(operators), 200, 3)
    nearest = min(cKDTree(copies[k]).query(copies[0])[0].min() for k in range(1, len(copies)))
    assert nearest == pytest.approx(CONTACT, abs=0.5)
    assert density_of_model(whole, 4.0).data.max() > 0


def test_point_groups_are_groups() -> None:
    for seed in range(6):
        operators = point_group(np.random.default_rng(seed), "CD"[seed % 2])
        matrices = np.array([operator.as_matrix() for operator in operators])
        np.testing.assert_allclose(matrices[0], np.eye(3), atol=1e-12)
        for one in operators:
            products = (one * Rotation.concatenate(operators)).as_matrix()
            apart = np.abs(products[:, None] - matrices[None]).max(axis=(2, 3)).min(axis=1)
            assert apart.max() < 1e-9


def test_chains_make_sub_complexes(tmp_path: Path) -> None:
    lines = []
    for place, chain in enumerate("ABCD"):
        xyz = atoms(10, radius=6.0, seed=place) + np.array([20.0 * place**2, 0, 0])
        lines += [pdb_atom(k, p, chain=chain) for k, p in enumerate(xyz, 1)]
    (tmp_path / "a.pdb").write_text("".join(lines) + "END\n")
    model = read_model(tmp_path / "a.pdb")
    assert chain_names(model) == list("ABCD")
    assert nearest_chains(model, "A", 2) == ["A", "B"]
    assert nearest_chains(model, "C", 3) == ["C", "B", "A"]
    part = subset(model, ["B", "A"])
    assert chain_names(part) == ["A", "B"]
    assert part.name == "a:A+B"
    assert len(positions(part)) == 20
    assert len(positions(model)) == 40  # the whole is left as it was
    before = positions(model)
    density_of_model(model, 3.0)
    np.testing.assert_array_equal(positions(model), before)
