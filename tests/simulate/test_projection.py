"""Projections are the line integrals that RELION's angles ask for."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kstest
from torch_fourier_slice import project_3d_to_2d

from core.simulate.phantoms import phantom
from core.simulate.projection import (
    VolumeTransform,
    crop_centre,
    random_angles,
    rotation_matrices,
    shift_spectra,
    to_images,
)

from .shapes import CORNERS, Points, blob_volume, blobs, centred

RIGHT_ANGLES = sorted(itertools.product((0, 90, 180, 270), (0, 90, 180), (0, 90)))


def relion_matrix(rot: float, tilt: float, psi: float) -> Points:
    """Euler_angles2matrix of RELION's euler.cpp: it turns the object into the projection's axes."""
    (ca, sa), (cb, sb), (cg, sg) = ((np.cos(a), np.sin(a)) for a in np.radians((rot, tilt, psi)))
    return np.array(
        [
            [cg * cb * ca - sg * sa, cg * cb * sa + sg * ca, -cg * sb],
            [-sg * cb * ca - cg * sa, -sg * cb * sa + cg * ca, sg * sb],
            [sb * ca, sb * sa, cb],
        ]
    )


def sum_along_z(data: np.ndarray, matrix: Points) -> np.ndarray:
    """Look up V(R (x, y, z)) for a rotation that maps axes on axes, and sum over z."""
    box = len(data)
    t = np.arange(box) - box // 2
    z, y, x = np.meshgrid(t, t, t, indexing="ij")
    source = np.rint(np.stack([x, y, z], axis=-1) @ matrix.T).astype(int) + box // 2
    inside = ((source >= 0) & (source < box)).all(axis=-1)
    source[~inside] = 0
    return np.where(inside, data[source[..., 2], source[..., 1], source[..., 0]], 0).sum(axis=0)


def distance(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.linalg.norm(one - other) / np.linalg.norm(other))


def white_spectra(n: int, box: int, sharpest: float = 1.0) -> torch.Tensor:
    """Transforms of random images without anything at or beyond part of Nyquist."""
    images = torch.from_numpy(np.random.default_rng(box).normal(size=(n, box, box)))
    spectra = torch.fft.rfft2(images)
    fy, fx = torch.fft.fftfreq(box).abs(), torch.fft.rfftfreq(box)
    return spectra * ((fy[:, None] < sharpest / 2) & (fx < sharpest / 2))


@settings(deadline=None)
@given(angles=st.tuples(*[st.floats(-400, 400)] * 3))
def test_matrices_are_relions_turned_round(angles: tuple[float, float, float]) -> None:
    """RELION turns the object; ours take the projection's axes back into the object."""
    matrix = rotation_matrices(np.array([angles]))[0].numpy()
    np.testing.assert_allclose(matrix, relion_matrix(*angles).T, atol=1e-5)
    np.testing.assert_allclose(matrix @ matrix.T, np.eye(3), atol=1e-5)
    assert np.linalg.det(matrix) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("angles", RIGHT_ANGLES)
def test_right_angles_are_sums_along_axes(angles: tuple[int, int, int]) -> None:
    volume = blob_volume(box=32, pixel_size=4.0, sigma=7.0)
    matrices = rotation_matrices(np.array([angles], dtype=float))
    projected = VolumeTransform(volume).project(matrices)[0].numpy()
    expected = sum_along_z(volume.data, np.rint(matrices[0].numpy()))
    assert distance(projected, expected) < 0.04
    if angles == (0, 0, 0):
        assert distance(projected, volume.data.sum(axis=0)) < 0.04


def test_blobs_fall_where_the_matrix_puts_them() -> None:
    angles = random_angles(np.random.default_rng(1), 12)
    volume = blob_volume()
    projected = VolumeTransform(volume).project(rotation_matrices(angles)).numpy()
    for pose, image in zip(angles, projected, strict=True):
        places = CORNERS @ relion_matrix(*pose).T
        expected = blobs(places[:, :2], image.shape, volume.pixel_size, 6.0)
        expected *= 6.0 / volume.pixel_size * np.sqrt(2 * np.pi)
        assert distance(image, expected) < 0.025


def test_turning_in_the_plane_is_psi() -> None:
    volume = blob_volume(box=40, pixel_size=3.0)
    poses = np.array([[35.0, 60.0, 0.0], [35.0, 60.0, 90.0]])
    still, turned = VolumeTransform(volume).project(rotation_matrices(poses)).numpy()
    # psi = 90 takes x, y to y, -x: anticlockwise on a page where y points down.
    np.testing.assert_allclose(turned[1:, 1:], np.rot90(still[1:, 1:], 1), atol=0.01 * still.max())


def test_agrees_with_torch_fourier_slice() -> None:
    loose = phantom(3, 5.0, (90, 110))
    volume = replace(loose, data=centred(loose.data, loose.box + 12))  # theirs takes the edge off
    matrices = rotation_matrices(random_angles(np.random.default_rng(2), 5))
    ours = VolumeTransform(volume).project(matrices)
    theirs = project_3d_to_2d(torch.from_numpy(volume.data), matrices, pad_factor=2.0)
    torch.testing.assert_close(ours, theirs, rtol=0, atol=1e-4 * float(theirs.max()))


def test_mass_is_conserved() -> None:
    volume = blob_volume()
    transform = VolumeTransform(volume)
    matrices = rotation_matrices(random_angles(np.random.default_rng(3), 20))
    zero = transform.slices(matrices)[:, 0, 0]
    torch.testing.assert_close(zero, zero[:1].expand(20), rtol=1e-6, atol=0)
    mass = volume.data.sum()
    np.testing.assert_allclose(transform.project(matrices).sum(dim=(1, 2)), mass, rtol=0.03)
    np.testing.assert_allclose(zero.real, mass, rtol=0.05)


def test_projecting_is_linear_in_the_volume() -> None:
    one, other = blob_volume(points=CORNERS[:2]), blob_volume(points=CORNERS[2:])
    matrices = rotation_matrices(random_angles(np.random.default_rng(4), 3))
    parts = sum(VolumeTransform(v).project(matrices) for v in (one, other))
    whole = VolumeTransform(blob_volume()).project(matrices)
    torch.testing.assert_close(parts, whole, rtol=1e-4, atol=1e-4)


def test_diameter_of_a_ball_about_the_centre() -> None:
    t = np.arange(40) - 20
    r = np.sqrt((t**2)[:, None, None] + (t**2)[:, None] + t**2)
    volume = blob_volume(box=40, pixel_size=3.0)
    ball = type(volume)((r <= 12).astype(np.float32), 3.0, "ball")
    assert VolumeTransform(ball).diameter == pytest.approx(2 * 12 * 3.0, rel=0.01)


def test_random_poses_are_uniform_over_all_rotations() -> None:
    angles = random_angles(np.random.default_rng(5), 4000)
    assert angles.shape == (4000, 3)
    assert kstest(np.cos(np.radians(angles[:, 1])), "uniform", (-1, 2)).pvalue > 0.01
    for column in (0, 2):
        assert kstest(angles[:, column], "uniform", (-180, 360)).pvalue > 0.01
    assert abs(rotation_matrices(angles).mean(dim=0)).max() < 4 / np.sqrt(3 * 4000)


def test_the_same_seed_gives_the_same_poses() -> None:
    one, again = (random_angles(np.random.default_rng(9), 5) for _ in range(2))
    np.testing.assert_array_equal(one, again)


@settings(deadline=None)
@given(
    box=st.integers(4, 24).map(lambda n: 2 * n),
    shifts=st.lists(st.tuples(*[st.integers(-30, 30)] * 2), min_size=1, max_size=3),
)
def test_whole_pixels_move_without_change(box: int, shifts: list[tuple[int, int]]) -> None:
    spectra = white_spectra(len(shifts), box, sharpest=2.0)
    moved = to_images(shift_spectra(spectra, torch.tensor(shifts, dtype=torch.float64)))
    for still, image, (dy, dx) in zip(to_images(spectra), moved, shifts, strict=True):
        torch.testing.assert_close(image, still.roll((dy, dx), dims=(0, 1)), rtol=0, atol=1e-4)


@settings(deadline=None)
@given(
    box=st.integers(4, 24).map(lambda n: 2 * n),
    one=st.tuples(*[st.floats(-5, 5)] * 2),
    other=st.tuples(*[st.floats(-5, 5)] * 2),
)
def test_shifts_add_up(box: int, one: tuple[float, float], other: tuple[float, float]) -> None:
    spectra = white_spectra(1, box)
    first, second = torch.tensor([one]), torch.tensor([other])
    twice = shift_spectra(shift_spectra(spectra, first), second)
    torch.testing.assert_close(
        to_images(twice), to_images(shift_spectra(spectra, first + second)), rtol=0, atol=1e-4
    )


def test_a_part_of_a_pixel_moves_a_blob_along_y_and_x() -> None:
    still = torch.from_numpy(blobs(np.zeros((1, 2)), (32, 32), 1.0, 2.5))
    spectra = torch.fft.rfft2(torch.fft.ifftshift(still))[None]
    moved = to_images(shift_spectra(spectra, torch.tensor([[1.5, -2.25]])))[0]
    expected = blobs(np.array([[-2.25, 1.5]]), (32, 32), 1.0, 2.5)
    np.testing.assert_allclose(moved, expected, atol=1e-4)


@settings(deadline=None)
@given(n=st.integers(1, 40), box=st.integers(1, 40), offset=st.tuples(*[st.integers(-9, 9)] * 2))
def test_cropping_and_padding_keep_the_centre_pixel(
    n: int, box: int, offset: tuple[int, int]
) -> None:
    image = torch.zeros(2, n, n)
    y, x = (n // 2 + o for o in offset)
    if 0 <= y < n and 0 <= x < n:
        image[:, y, x] = 1
    expected = torch.zeros(2, box, box)
    v, u = (box // 2 + o for o in offset)
    if 0 <= y < n and 0 <= x < n and 0 <= v < box and 0 <= u < box:
        expected[:, v, u] = 1
    torch.testing.assert_close(crop_centre(image, box), expected, rtol=0, atol=0)
