"""The CTF is the textbook's, in RELION's conventions, and white particles stay white."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.ctf import CtfParameters, ctf_images, random_ctf

REAL = {
    "defocus_u": st.floats(-5000, 40000),
    "defocus_v": st.floats(-5000, 40000),
    "defocus_angle": st.floats(-180, 360),
    "voltage": st.sampled_from([80.0, 120.0, 200.0, 300.0]),
    "spherical_aberration": st.floats(0.001, 4),
    "amplitude_contrast": st.floats(0, 0.3),
    "phase_shift": st.floats(0, 180),
}


def parameters(**values: float) -> CtfParameters:
    usual = {
        "defocus_u": 15000.0,
        "defocus_v": 14000.0,
        "defocus_angle": 30.0,
        "voltage": 300.0,
        "spherical_aberration": 2.7,
        "amplitude_contrast": 0.1,
        "phase_shift": 0.0,
    }
    return CtfParameters(**{k: np.array([v], dtype=float) for k, v in (usual | values).items()})


def textbook(p: CtfParameters, pixel_size: float, box: int) -> np.ndarray:
    """Rohou & Grigorieff 2015, equation 3, with the sign that keeps white particles white."""
    volts = 1e3 * p.voltage[0]
    wavelength = 12.2643247 / np.sqrt(volts * (1 + 0.978466e-6 * volts))
    fy = np.fft.fftfreq(box, pixel_size)[:, None]
    fx = np.fft.rfftfreq(box, pixel_size)[None, :]
    square = fx**2 + fy**2
    astigmatism = 2 * (np.arctan2(fy, fx) - np.radians(p.defocus_angle[0]))
    defocus = (p.defocus_u[0] + p.defocus_v[0]) / 2
    defocus = defocus + (p.defocus_u[0] - p.defocus_v[0]) / 2 * np.cos(astigmatism)
    phase = np.pi * wavelength * square * defocus
    phase = phase - np.pi / 2 * 1e7 * p.spherical_aberration[0] * wavelength**3 * square**2
    phase = phase + np.radians(p.phase_shift[0]) + np.arcsin(p.amplitude_contrast[0])
    return np.sin(phase)


@settings(deadline=None, max_examples=150)
@given(
    values=st.fixed_dictionaries(REAL),
    pixel_size=st.floats(2, 6),
    box=st.sampled_from([16, 31, 48, 64]),
)
def test_agrees_with_the_textbook(values: dict[str, float], pixel_size: float, box: int) -> None:
    p = parameters(**values)
    ctf = ctf_images(p, pixel_size, box)
    assert ctf.shape == (1, box, box // 2 + 1)
    assert ctf.dtype == torch.float32
    expected = textbook(p, pixel_size, box)
    if box % 2 == 0:  # the row at Nyquist stands for both signs of fy
        expected[box // 2] = ctf[0, box // 2]
    np.testing.assert_allclose(ctf[0], expected, atol=1e-2)  # float32 of hundreds of radians


@settings(deadline=None)
@given(u=st.floats(3000, 40000), difference=st.floats(-3000, 3000), angle=st.floats(0, 180))
def test_u_and_v_may_change_places(u: float, difference: float, angle: float) -> None:
    one = parameters(defocus_u=u, defocus_v=u + difference, defocus_angle=angle)
    other = parameters(defocus_u=u + difference, defocus_v=u, defocus_angle=angle + 90)
    ctf = ctf_images(one, 3.0, 32)
    assert torch.isfinite(ctf).all()
    torch.testing.assert_close(ctf, ctf_images(other, 3.0, 32), rtol=0, atol=5e-3)


def test_without_astigmatism_it_is_round() -> None:
    p = parameters(defocus_u=12000.0, defocus_v=12000.0, defocus_angle=77.0)
    ctf = ctf_images(p, 3.0, 33)[0]
    torch.testing.assert_close(ctf[1:], ctf[1:].flip(0), rtol=0, atol=1e-5)
    torch.testing.assert_close(ctf[:17, :17], ctf[:17, :17].T, rtol=0, atol=1e-5)


@pytest.mark.parametrize("contrast", [0.0, 0.07, 0.1, 0.2])
def test_white_particles_stay_white(contrast: float) -> None:
    """At zero frequency it is the amplitude contrast; from there it rises to its first peak."""
    p = parameters(amplitude_contrast=contrast, defocus_u=15000.0, defocus_v=15000.0)
    ray = ctf_images(p, 3.0, 256)[0, 0].numpy()
    assert ray[0] == pytest.approx(contrast, abs=1e-4)
    peak = int(np.argmax(ray > 0.99))
    assert peak > 5
    assert (np.diff(ray[: peak + 1]) > 0).all()


def test_a_phase_plate_gives_full_contrast_at_zero_frequency() -> None:
    p = parameters(phase_shift=90.0, amplitude_contrast=0.0)
    assert ctf_images(p, 3.0, 32)[0, 0, 0] == pytest.approx(1, abs=1e-4)


def test_astigmatism_points_where_the_angle_says() -> None:
    """At 0° more defocus lies along x: the first zero comes sooner there than along y."""
    p = parameters(defocus_u=20000.0, defocus_v=10000.0, defocus_angle=0.0)
    ctf = ctf_images(p, 3.0, 256)[0]
    along_x, along_y = (int(np.argmax(ray < 0)) for ray in (ctf[0].numpy(), ctf[:129, 0].numpy()))
    assert 0 < along_x < along_y
    turned = ctf_images(replace(p, defocus_angle=np.array([90.0])), 3.0, 256)[0]
    assert np.argmax(turned[0].numpy() < 0) == along_y


def test_each_particle_has_its_own() -> None:
    p = random_ctf(np.random.default_rng(0), 6)
    together = ctf_images(p, 3.0, 24)
    for k in range(6):
        alone = ctf_images(p.take(np.array([k])), 3.0, 24)
        torch.testing.assert_close(together[k : k + 1], alone, rtol=1e-4, atol=1e-4)


def test_random_parameters_are_in_their_ranges() -> None:
    p = random_ctf(np.random.default_rng(1), 2000, (8000.0, 9000.0))
    assert len(p) == 2000
    assert all(getattr(p, f.name).shape == (2000,) for f in fields(p))
    mean = (p.defocus_u + p.defocus_v) / 2
    assert (mean >= 8000).all()
    assert (mean <= 9000).all()
    assert mean.std() == pytest.approx(1000 / np.sqrt(12), rel=0.05)
    assert (p.defocus_u - p.defocus_v).std() == pytest.approx(150, rel=0.1)
    assert p.defocus_angle.min() >= 0
    assert p.defocus_angle.max() < 180
    assert set(p.voltage) == {200, 300}
    assert set(p.spherical_aberration) == {0.01, 2.0, 2.7}
    assert set(p.amplitude_contrast) == {0.07, 0.1}
    assert not p.phase_shift.any()


def test_the_same_seed_gives_the_same_parameters_and_rows_can_be_taken() -> None:
    one, again = (random_ctf(np.random.default_rng(2), 9) for _ in range(2))
    rows = np.array([7, 0, 0, 3])
    for f in fields(one):
        np.testing.assert_array_equal(getattr(one, f.name), getattr(again, f.name))
        np.testing.assert_array_equal(getattr(one.take(rows), f.name), getattr(one, f.name)[rows])
    assert len(one.take(rows)) == 4


def test_larger_pixels_are_another_defocus_and_cs() -> None:
    """The same image, whatever size its pixel is taken to have, has the same CTF pixel by pixel."""
    rows = random_ctf(np.random.default_rng(3), 6)
    for times in (1.0, 0.97, 1.008):
        same = ctf_images(rows.with_pixels(times), 1.5 * times, 64)
        torch.testing.assert_close(same, ctf_images(rows, 1.5, 64), atol=2e-3, rtol=0)


def test_rows_without_a_ctf_are_known() -> None:
    rows = random_ctf(np.random.default_rng(3), 5)
    voltage, defocus = rows.voltage.copy(), rows.defocus_u.copy()
    voltage[1], defocus[3] = np.nan, np.inf
    spoilt = replace(rows, voltage=voltage, defocus_u=defocus)
    assert spoilt.known.tolist() == [True, False, True, False, True]
    assert spoilt.filled().known.all()
    assert spoilt.filled().defocus_v[1] == np.median(rows.defocus_v[[0, 2, 4]])
