"""References are put right where that can be done, and it is said."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.simulate.projection import VolumeTransform
from core.simulate.references import (
    FILLED,
    box_for,
    is_inverted,
    masked,
    read_reference,
    solvent_noise,
)

from .shapes import blob_volume, correlation, write_map

CLEAN = np.pad(blob_volume(box=40).data, 12)


def noisy(sd: float) -> np.ndarray:
    rng = np.random.default_rng(0)
    return (CLEAN + rng.normal(0, sd, CLEAN.shape)).astype(np.float32)


def test_a_good_map_is_left_alone(tmp_path: Path) -> None:
    volume, remarks = read_reference(write_map(tmp_path / "a.mrc", CLEAN, 2.5), 2.5)
    assert remarks == []
    assert correlation(volume.data, CLEAN) == pytest.approx(1)


@pytest.mark.parametrize("sd", [0.0, 0.05])
def test_inverted_contrast_is_turned_and_said(tmp_path: Path, sd: float) -> None:
    path = write_map(tmp_path / "a.mrc", -noisy(sd), 2.5)
    volume, remarks = read_reference(path, 2.5)
    assert "inverted" in remarks[0]
    assert str(path) in remarks[0]
    assert correlation(volume.data, CLEAN) > 0.9
    assert not is_inverted(volume.data)


@pytest.mark.parametrize("shape", [(63, 64, 64), (63, 63, 63), (64, 60, 62)])
def test_oblong_and_odd_maps_are_padded_and_said(
    tmp_path: Path, shape: tuple[int, int, int]
) -> None:
    data = CLEAN[: shape[0], : shape[1], : shape[2]]
    _, remarks = read_reference(write_map(tmp_path / "a.map", data, 2.5), 2.5)
    assert f"{shape[0]} x {shape[1]} x {shape[2]} voxels" in remarks[0]


def test_noise_in_the_solvent_is_masked_away_and_said(tmp_path: Path) -> None:
    true = VolumeTransform(blob_volume(box=64)).diameter
    volume, remarks = read_reference(write_map(tmp_path / "a.mrc", noisy(0.1), 2.5), 2.5)
    assert "noise in the solvent" in remarks[0]
    assert correlation(volume.data, CLEAN) > correlation(noisy(0.1), CLEAN)
    assert VolumeTransform(volume).diameter < true + 50
    assert solvent_noise(volume.data) < 1e-6


def test_a_mask_keeps_the_molecule_whole() -> None:
    kept = masked(noisy(0.05), 2.5)
    inside = CLEAN > 0.2
    np.testing.assert_array_equal(kept[inside], noisy(0.05)[inside])


@given(diameter=st.floats(20, 2000), pixel_size=st.floats(0.5, 10))
def test_a_box_for_a_particle_has_room_and_is_the_smallest(
    diameter: float, pixel_size: float
) -> None:
    box = box_for(diameter, pixel_size)
    assert box % 8 == 0
    assert diameter <= FILLED * box * pixel_size * (1 + 1e-9)
    assert diameter > FILLED * (box - 8) * pixel_size * (1 - 1e-9)
