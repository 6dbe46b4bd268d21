"""Maps and atomic models without an end, or beyond arithmetic."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import mrcfile
import numpy as np
import pytest

from core.errors import IceblockError
from core.simulate.atomic_models import density_of_model, read_model
from core.simulate.volumes import read_map, read_volume

from .hostile_files import edit, mrc, stretch

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_maps_that_promise_too_much(tmp_path: Path) -> None:
    path = mrc(tmp_path / "a.mrc", 1200, 1200, 1200)
    with pytest.raises(IceblockError, match="less than its header promises"):
        read_map(path)
    (tmp_path / "a.mrc.gz").write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(IceblockError, match="less than its header promises"):
        read_map(tmp_path / "a.mrc.gz")
    mrc(path, 100_000, 100_000, 200)
    with pytest.raises(IceblockError, match="GB of memory"):
        read_map(stretch(path))


def test_a_gzipped_map_with_an_endless_tail(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32))
        file.voxel_size = 4.0
    plain = (tmp_path / "a.mrc").read_bytes()
    path = tmp_path / "a.mrc.gz"
    # In two parts, as parallel programs write it.
    path.write_bytes(gzip.compress(plain[:2000]) + gzip.compress(plain[2000:]))
    assert (read_map(stretch(path)).data == read_map(tmp_path / "a.mrc").data).all()


def test_a_map_like_a_needle(tmp_path: Path) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.random.default_rng(0).normal(size=(12, 12, 400)).astype(np.float32))
        file.voxel_size = 4.0
    with pytest.raises(IceblockError, match="not a 3D map"):
        read_map(tmp_path / "a.mrc")


@pytest.mark.parametrize("factor", [1e30, 1e38, float("nan"), float("-inf")])
def test_densities_beyond_arithmetic(tmp_path: Path, factor: float) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.full((12, 12, 12), 1, np.float32))
        file.data[3, 3, 3] = factor
        file.voxel_size = 4.0
    with pytest.raises(IceblockError, match="beyond all densities"):
        read_map(tmp_path / "a.mrc")


@pytest.mark.parametrize("voxel_size", [1e-30, 90.0, 1e30])
def test_voxels_of_impossible_sizes(tmp_path: Path, voxel_size: float) -> None:
    with mrcfile.new(tmp_path / "a.mrc") as file:
        file.set_data(np.random.default_rng(0).normal(size=(12, 12, 12)).astype(np.float32))
        file.voxel_size = voxel_size
    with pytest.raises(IceblockError, match=r"pixel size|too coarse"):
        read_volume(tmp_path / "a.mrc", 4.0)


def test_atoms_that_strayed(project: Callable[[str], Path]) -> None:
    folder = project("volume")
    text = (folder / "model.pdb").read_text()
    first = text.splitlines()[0]
    for place, apart in (("99999.00", r"1e\+05"), (" 1500.00", "1507")):
        stray = first[:30] + place + first[38:]
        (folder / "far.pdb").write_text(text.replace(first, stray))
        with pytest.raises(IceblockError, match=rf"far has atoms {apart} Å apart"):
            read_volume(folder / "far.pdb", 4.0)
    assert density_of_model(read_model(folder / "model.pdb"), 4.0).box < 64
    edit(folder / "model.cif", " 1.500 1.00", " 1e30 1.00")
    with pytest.raises(IceblockError, match="too far away"):
        read_model(folder / "model.cif")


@pytest.mark.parametrize("name", ["model.pdb", "model.cif", "model.pdb.gz"])
def test_models_without_an_end(project: Callable[[str], Path], name: str) -> None:
    path = project("volume") / name
    if name.endswith(".gz"):
        path.write_bytes(gzip.compress(b"ATOM" + b" " * (1 << 27), 1))
    else:
        stretch(path)
    with pytest.raises(IceblockError, match="cannot be read"):
        read_model(path)
