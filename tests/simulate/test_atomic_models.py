"""Atoms become a centred density that knows how many they are and turns with them."""

import gzip
import re
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from core.errors import IceblockError
from core.simulate.atomic_models import (
    density_of_model,
    positions,
    read_model,
)
from core.simulate.volumes import read_volume

from .shapes import (
    Points,
    atoms,
    blobs,
    centred,
    correlation,
    moments,
    pdb_atom,
    write_cif,
    write_pdb,
)

PIXEL = 2.0


def from_corner(xyz: Points) -> Points:
    """Positions relative to the middle of the bounding box, where the density is centred."""
    return xyz - (xyz.min(axis=0) + xyz.max(axis=0)) / 2


@pytest.mark.parametrize(
    "name", ["a.pdb", "a.ent", "a.PDB", "a.cif", "a.mmcif", "a.pdb.gz", "a.cif.gz"]
)
def test_every_suffix_of_a_model(tmp_path: Path, name: str) -> None:
    xyz = atoms()
    writer = write_cif if "cif" in name else write_pdb
    path = tmp_path / name
    plain = writer(tmp_path / "plain", xyz).read_bytes()
    path.write_bytes(gzip.compress(plain) if name.endswith(".gz") else plain)
    np.testing.assert_allclose(positions(read_model(path)), xyz, atol=1e-6)
    volume = read_volume(path, PIXEL)
    assert (volume.name, volume.pixel_size) == ("a", PIXEL)
    expected = blobs(from_corner(xyz), volume.data.shape, PIXEL, 0.225 * 2 * PIXEL)
    assert correlation(volume.data, expected) > 0.97


@pytest.mark.parametrize(
    ("pixel_size", "resolution"), [(1.0, None), (2.0, None), (4.0, None), (2.0, 9.0)]
)
def test_the_density_is_centred_even_and_positive(
    tmp_path: Path, pixel_size: float, resolution: float | None
) -> None:
    xyz = from_corner(atoms())
    volume = read_volume(write_pdb(tmp_path / "a.pdb", atoms()), pixel_size, resolution)
    assert volume.data.dtype == np.float32
    assert len(set(volume.data.shape)) == 1
    assert volume.box % 2 == 0
    assert volume.box * pixel_size > 2 * np.linalg.norm(xyz, axis=1).max()
    assert volume.data.min() >= 0
    place, _ = moments(volume.data, pixel_size)
    np.testing.assert_allclose(place, xyz.mean(axis=0), atol=0.1)


def test_the_integral_counts_the_atoms(tmp_path: Path) -> None:
    sums = []
    for n in (20, 40, 80):
        volume = read_volume(write_pdb(tmp_path / "a.pdb", atoms(n)), PIXEL)
        sums.append(volume.data.sum() * PIXEL**3 / n)
    np.testing.assert_allclose(sums, sums[0], rtol=0.01)
    for pixel_size in (1.0, 3.0, 4.0):
        volume = read_volume(tmp_path / "a.pdb", pixel_size)
        assert volume.data.sum() * pixel_size**3 / 80 == pytest.approx(sums[0], rel=0.05)


def test_heavier_elements_weigh_more(tmp_path: Path) -> None:
    sums = {}
    for element in ("C", "S", "FE"):
        path = tmp_path / f"{element}.pdb"
        path.write_text("".join(pdb_atom(k, [9.0 * k, 0, 0], element) for k in (1, 2, 3)) + "END\n")
        sums[element] = read_volume(path, 1.0, 4.0).data.sum()
    assert sums["C"] < sums["S"] < sums["FE"]


@pytest.mark.parametrize("angles", [(90, 0, 0), (0, 90, 0), (90, 90, 0)])
def test_the_density_turns_with_the_model(tmp_path: Path, angles: tuple[int, int, int]) -> None:
    turn = np.rint(Rotation.from_euler("ZYX", angles, degrees=True).as_matrix())
    xyz = atoms()
    still = read_volume(write_pdb(tmp_path / "a.pdb", xyz), PIXEL, 6.0).data
    turned = read_volume(write_pdb(tmp_path / "b.pdb", xyz @ turn.T), PIXEL, 6.0).data
    box = min(len(still), len(turned)) - 1  # odd: a right turn keeps its centre voxel
    grid = np.stack(np.meshgrid(*[np.arange(box) - box // 2] * 3, indexing="ij"), axis=-1)
    source = (grid[..., ::-1] @ turn).astype(int)[..., ::-1] + box // 2  # x' = R x read backwards
    expected = centred(still, box)[tuple(np.moveaxis(source, -1, 0))]
    assert correlation(centred(turned, box), expected) > 0.98


def test_resolution_blurs(tmp_path: Path) -> None:
    """Two atoms 6 Å apart: one peak or two, and spreads of 0.225 times the resolution."""
    path = tmp_path / "a.pdb"
    far = [[-40.0, 0, 0], [40.0, 0, 0]]  # makes the box wide
    pair = [[0.0, -3, 0], [0.0, 3, 0]]
    path.write_text("".join(pdb_atom(k, xyz) for k, xyz in enumerate(far + pair, 1)) + "END\n")
    valleys, spreads, sums = [], [], []
    for resolution in (3.0, 6.0, 12.0):
        data = read_volume(path, 1.0, resolution).data
        c = len(data) // 2
        valleys.append(data[c, c, c] / data[c, c + 3, c])
        spreads.append(moments(data, 1.0)[1][2])  # along z, where all atoms are at 0
        sums.append(data.sum())
    assert valleys[0] < 0.2
    assert valleys[2] > 1
    np.testing.assert_allclose(sums, sums[0], rtol=0.02)
    widening = np.diff(np.square(spreads))
    np.testing.assert_allclose(widening, 0.225**2 * np.diff(np.square([3.0, 6.0, 12.0])), rtol=0.1)


def test_waters_hydrogens_and_second_conformations_are_left_out(tmp_path: Path) -> None:
    protein = [pdb_atom(1, [0, 0, 0]), pdb_atom(2, [8, 0, 0], "N"), pdb_atom(3, [0, 8, 4], "O")]
    others = [
        pdb_atom(4, [1, 0, 0], "H"),
        pdb_atom(5, [0, 1, 0], "D"),
        pdb_atom(6, [30, 0, 0], "O", "HOH"),
        pdb_atom(7, [30, 9, 0], "O", "DOD"),
    ]
    two = [pdb_atom(8, [0, 0, 8], "C", altloc="A"), pdb_atom(8, [0, 0, 9], "C", altloc="B")]
    (tmp_path / "plain.pdb").write_text(
        "".join([*protein, two[0].replace("AALA", " ALA"), "END\n"])
    )
    (tmp_path / "full.pdb").write_text("".join([*protein, *others, *two, "END\n"]))
    plain, full = (read_model(tmp_path / f"{name}.pdb") for name in ("plain", "full"))
    np.testing.assert_allclose(positions(full), positions(plain))
    assert len(positions(full)) == 4
    one, other = density_of_model(plain, 1.0), density_of_model(full, 1.0)
    np.testing.assert_allclose(one.data, other.data, atol=1e-6)


def test_only_the_first_model_counts(tmp_path: Path) -> None:
    text = (
        f"MODEL 1\n{pdb_atom(1, [0, 0, 0])}ENDMDL\nMODEL 2\n{pdb_atom(1, [50, 0, 0])}ENDMDL\nEND\n"
    )
    (tmp_path / "nmr.pdb").write_text(text)
    np.testing.assert_allclose(positions(read_model(tmp_path / "nmr.pdb")), [[0, 0, 0]])


BROKEN = {
    "empty.pdb": b"",
    "empty.cif": b"",
    "text.pdb": b"this is no model\n" * 50,
    "text.cif": b"this is no model\n" * 50,
    "random.pdb": np.random.default_rng(1).bytes(5000),
    "random.cif": np.random.default_rng(1).bytes(5000),
    "no_atoms.cif": b"data_x\n_cell.length_a 10\n",
    "plain.pdb.gz": b"not compressed",
    "plain.cif.gz": b"not compressed",
    "half.pdb.gz": gzip.compress(np.random.default_rng(1).bytes(5000))[:2000],
    "water.pdb": pdb_atom(1, [0, 0, 0], "O", "HOH").encode(),
    "hydrogen.pdb": pdb_atom(1, [0, 0, 0], "H").encode(),
    "not_numbers.pdb": pdb_atom(1, [np.nan, 0, 0]).encode(),
    "short_line.pdb": pdb_atom(1, [0, 0, 0])[:50].encode(),
}


@pytest.mark.parametrize("name", sorted(BROKEN))
def test_a_broken_model_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(BROKEN[name])
    with pytest.raises(IceblockError, match=f"Atomic model {re.escape(str(tmp_path / name))} "):
        read_volume(tmp_path / name, 4.0)


def test_a_real_model(test_data: Path) -> None:
    path = test_data / "models/4hhb_hemoglobin.pdb.gz"
    model = read_model(path)
    assert [chain.name for chain in model[0]] == ["A", "B", "C", "D"]
    assert 4000 < len(positions(model)) < 4800
    volume = read_volume(path, 4.0)
    assert volume.box * 4.0 > 60
    assert correlation(volume.data, volume.data[::-1, ::-1, ::-1]) < 0.9
