"""Resampling keeps values, the centre and what both grids can hold, whatever the parities."""

import numpy as np
import numpy.typing as npt
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.fourier import fourier_resize

boxes = st.integers(8, 72)


def wave(box: int, ky: int, kx: int, phase: float) -> torch.Tensor:
    """A plane wave of ky and kx periods in the field of view, known at its centre box // 2."""
    t = (np.arange(box) - box // 2) / box
    angle = 2 * np.pi * (ky * t[:, None] + kx * t) + phase
    return torch.from_numpy(np.cos(angle).astype(np.float32))


def blob(box: int, field: float, sigma: float, offset: tuple[float, float]) -> torch.Tensor:
    """A Gaussian in a field of view of given width, off the centre by y and x in its units."""
    t = (np.arange(box) - box // 2) * field / box
    y, x = (np.exp(-((t - o) ** 2) / (2 * sigma**2)) for o in offset)
    return torch.from_numpy(np.outer(y, x).astype(np.float32))


def white(n: int, box: int, seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=(n, box, box)))


@settings(deadline=None)
@given(n=boxes, m=boxes, value=st.floats(-1e3, 1e3, width=32))
def test_a_constant_stays_that_constant(n: int, m: int, value: float) -> None:
    resized = fourier_resize(torch.full((2, n, n), value), m)
    assert resized.shape == (2, m, m)
    torch.testing.assert_close(resized, torch.full((2, m, m), value), rtol=1e-5, atol=1e-5)


@settings(deadline=None)
@given(n=boxes, m=boxes, data=st.data(), phase=st.floats(0, 6.25))
def test_a_wave_that_both_grids_hold_is_drawn_anew(
    n: int, m: int, data: st.DataObject, phase: float
) -> None:
    most = (min(n, m) - 1) // 2
    ky, kx = (data.draw(st.integers(-most, most)) for _ in range(2))
    resized = fourier_resize(wave(n, ky, kx, phase), m)
    torch.testing.assert_close(resized, wave(m, ky, kx, phase), rtol=0, atol=2e-5)


@settings(deadline=None)
@given(small=boxes, beyond=st.integers(0, 9), spare=st.integers(0, 9))
def test_a_wave_beyond_nyquist_is_lost(small: int, beyond: int, spare: int) -> None:
    k = (small + 1) // 2 + beyond  # from Nyquist itself on
    lost = fourier_resize(wave(2 * k + 1 + spare, k, 0, 0.3), small)
    torch.testing.assert_close(lost, torch.zeros(small, small), rtol=0, atol=2e-5)


@settings(deadline=None)
@given(box=boxes, other=boxes, seed=st.integers(0, 99))
def test_what_both_grids_hold_survives_the_way_there_and_back(
    box: int, other: int, seed: int
) -> None:
    once = fourier_resize(white(1, box, seed), other)
    again = fourier_resize(fourier_resize(once, box), other)
    torch.testing.assert_close(again, once, rtol=0, atol=1e-6)


@settings(deadline=None)
@given(
    n=st.integers(32, 64),
    m=st.integers(32, 64),
    offset=st.tuples(st.floats(-4, 4), st.floats(-4, 4)),
)
def test_a_blob_keeps_its_place_width_and_height(
    n: int, m: int, offset: tuple[float, float]
) -> None:
    resized = fourier_resize(blob(n, 32.0, 2.2, offset), m)
    torch.testing.assert_close(resized, blob(m, 32.0, 2.2, offset), rtol=0, atol=2e-3)


@pytest.mark.parametrize(("n", "m"), [(64, 48), (64, 81), (63, 40), (63, 49), (33, 33)])
def test_the_centre_pixel_stays_the_centre_pixel(n: int, m: int) -> None:
    resized = fourier_resize(blob(n, 60.0, 4.0, (0.0, 0.0)), m).numpy()
    assert np.unravel_index(resized.argmax(), resized.shape) == (m // 2, m // 2)
    wide = resized[1 - m % 2 :, 1 - m % 2 :]  # an even image has a row without a partner
    np.testing.assert_allclose(wide, wide[::-1, ::-1], atol=1e-4)


@settings(deadline=None)
@given(n=boxes, m=boxes, a=st.floats(-5, 5), b=st.floats(-5, 5))
def test_linear(n: int, m: int, a: float, b: float) -> None:
    one, other = white(1, n, 1), white(1, n, 2)
    torch.testing.assert_close(
        fourier_resize(a * one + b * other, m),
        a * fourier_resize(one, m) + b * fourier_resize(other, m),
        rtol=1e-6,
        atol=1e-6,
    )


def test_any_leading_axes_and_types() -> None:
    images = white(6, 20).reshape(2, 3, 20, 20)
    resized = fourier_resize(images, 31)
    assert resized.shape == (2, 3, 31, 31)
    assert resized.dtype == torch.float64
    assert fourier_resize(images.float(), 31).dtype == torch.float32
    torch.testing.assert_close(resized[1, 2], fourier_resize(images[1, 2], 31))


def test_the_input_is_left_alone() -> None:
    images = white(2, 24)
    kept = images.clone()
    assert fourier_resize(images, 24) is images
    fourier_resize(images, 16)
    torch.testing.assert_close(images, kept, rtol=0, atol=0)


def test_agrees_with_scipy_on_odd_boxes() -> None:
    """Where no Nyquist term is in question, it is the sinc interpolation that scipy has too."""
    from scipy.signal import resample

    images: npt.NDArray[np.float64] = white(2, 35).numpy()
    centred = np.fft.ifftshift(images, axes=(1, 2))
    theirs = resample(resample(centred, 51, axis=1), 51, axis=2)
    ours = fourier_resize(torch.from_numpy(images), 51).numpy()
    np.testing.assert_allclose(ours, np.fft.fftshift(theirs, axes=(1, 2)), atol=1e-6)


def test_a_batch_without_images_is_resized() -> None:
    assert fourier_resize(torch.zeros(0, 8, 8), 6).shape == (0, 6, 6)
