"""Projection matching finds what was projected; errors are angles; symmetry is found."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from benchmarks.measures.poses import angular_error, match, pose_grid
from benchmarks.measures.symmetry import symmetry_rotations
from core.compare.views import view_pairs
from core.signal.ctf import random_ctf
from core.signal.spectrum import noise_with_power
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, random_angles
from core.simulate.volumes import Volume

Angles = st.tuples(st.floats(-180, 180), st.floats(0, 180), st.floats(-180, 180))


@settings(deadline=None, max_examples=40)
@given(angles=Angles, axis=Angles, turn=st.floats(0, 180))
def test_the_error_is_the_turn(
    angles: tuple[float, ...], axis: tuple[float, ...], turn: float
) -> None:
    pose = Rotation.from_euler("ZYZ", angles, degrees=True)
    about = Rotation.from_euler("ZYZ", axis, degrees=True).apply([0.0, 0.0, 1.0])
    other = pose * Rotation.from_rotvec(turn * about, degrees=True)
    found = angular_error(euler(other), np.array([angles]))
    assert found[0] == pytest.approx(turn, abs=1e-3)
    assert angular_error(np.array([angles]), euler(other))[0] == pytest.approx(turn, abs=1e-3)


def euler(poses: Rotation) -> np.ndarray:
    """Angles without scipy's warning at the poles."""
    m = np.atleast_3d(poses.as_matrix()).reshape(-1, 3, 3)
    tilt = np.arccos(np.clip(m[:, 2, 2], -1, 1))
    pole = np.abs(m[:, 2, 2]) > 1 - 1e-12
    rot = np.where(pole, 0.0, np.arctan2(m[:, 1, 2], m[:, 0, 2]))
    psi = np.where(
        pole,
        np.arctan2(m[:, 1, 0], m[:, 1, 1]),
        np.arctan2(m[:, 2, 1], -m[:, 2, 0]),
    )
    return np.degrees(np.stack([rot, tilt, psi], axis=1))


def test_equivalent_poses_have_no_error() -> None:
    fourfold = Rotation.create_group("C4")
    rng = np.random.default_rng(0)
    angles = random_angles(rng, 20)
    turned = angles + np.array([90.0, 0, 0]) * rng.integers(4, size=(20, 1))
    assert angular_error(turned, angles).max() > 80
    assert angular_error(turned, angles, fourfold.as_matrix()).max() < 1e-3


@pytest.mark.parametrize("step", [15.0, 30.0])
def test_a_grid_leaves_no_pose_far_away(step: float) -> None:
    grid = Rotation.from_euler("ZYZ", pose_grid(step), degrees=True)
    anywhere = Rotation.from_euler("ZYZ", random_angles(np.random.default_rng(1), 50), degrees=True)
    nearest = [np.degrees((grid.inv() * pose).magnitude().min()) for pose in anywhere]
    assert 0.2 * step < np.mean(nearest) < 0.7 * step
    assert max(nearest) < 1.2 * step


@pytest.fixture(scope="module")
def volume() -> VolumeTransform:
    return VolumeTransform(phantom(3, 7.0, (95.0, 100.0)))


@pytest.mark.parametrize("with_ctf", [True, False])
def test_clean_images_are_matched(volume: VolumeTransform, with_ctf: bool) -> None:
    rng = np.random.default_rng(2)
    angles, shifts = random_angles(rng, 6), rng.uniform(-1, 1, (6, 2))
    ctf = random_ctf(rng, 6, (8000.0, 20000.0)) if with_ctf else None
    clean = view_pairs(volume, angles, shifts, ctf, torch.randn(6, 24, 24), 1.0).clean
    rough = match(clean, volume, pose_grid(24.0), ctf, reach=1, halvings=0)
    fine = match(clean, volume, pose_grid(24.0), ctf, reach=1, halvings=3)
    assert np.median(angular_error(fine.angles, angles)) < 3.5
    assert angular_error(fine.angles, angles).mean() < angular_error(rough.angles, angles).mean()
    assert np.abs(fine.shifts - shifts).mean() < 0.25
    assert (fine.score >= rough.score - 1e-4).all()
    assert np.median(fine.score) > 0.98


def test_whitening_helps_where_the_noise_is_coloured(volume: VolumeTransform) -> None:
    """Noise that is strong at low frequency; its spectrum given, the poses are better."""
    n, box = 24, 24
    rng = np.random.default_rng(3)
    power = torch.cat([torch.full((4,), 30.0), torch.full((9,), 0.3)])
    noise = noise_with_power(power.expand(n, -1), box, torch.Generator().manual_seed(3))
    angles = random_angles(rng, n)
    pairs = view_pairs(volume, angles, np.zeros((n, 2)), None, noise, 0.15)
    errors = []
    for whitened in (None, power):
        found = match(pairs.noisy, volume, pose_grid(24.0), reach=0, power=whitened, halvings=1)
        errors.append(np.median(angular_error(found.angles, angles)))
    assert errors[1] < 0.6 * errors[0]


def assembly(turns: Rotation, seed: int = 0) -> Volume:
    """Blobs without symmetry, repeated by rotations, about a centre that is not the box's."""
    rng = np.random.default_rng(seed)
    points = rng.normal(0, 25, (12, 3))
    xyz = np.concatenate([turn.apply(points) for turn in turns]) + np.array([6.0, -6.0, 0.0])
    axis = (np.arange(40) - 20) * 6.0
    factors = [np.exp(-((axis[:, None] - xyz[:, d]) ** 2) / (2 * 7.0**2)) for d in (2, 1, 0)]
    return Volume(np.einsum("zk,yk,xk->zyx", *factors).astype(np.float32), 6.0, "assembly")


@pytest.mark.parametrize("name", ["C1", "C4", "D2"])
def test_symmetry_is_found_about_any_axis(name: str) -> None:
    group = Rotation.create_group(name)
    tilt = Rotation.from_euler("ZYZ", [20.0, 35.0, 0.0], degrees=True)
    true = (tilt * group * tilt.inv()).as_matrix()
    found = symmetry_rotations(assembly(tilt * group), folds=(2, 3, 4))
    assert len(found) == len(true)
    np.testing.assert_allclose(found[0], np.eye(3), atol=1e-12)
    cosines = (np.einsum("sij,tij->st", found, true) - 1) / 2
    assert np.degrees(np.arccos(np.clip(cosines.max(1), -1, 1))).max() < 2.5
