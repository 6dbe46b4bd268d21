"""Radial spectra are power per coefficient, and noise can be made to have one."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.signal.spectrum import ice_like_power, noise_with_power, radial_index, radial_power


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def white(n: int, box: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, box, box, generator=seeded(seed))


def coefficients_per_ring(box: int, bins: int) -> np.ndarray:
    """How many of all box² coefficients each ring holds, by the full transform."""
    f = np.fft.fftfreq(box)
    ring = np.rint(np.hypot(f[:, None], f).astype(np.float32) * 2 * (bins - 1))
    return np.bincount(np.minimum(ring, bins - 1).astype(int).ravel(), minlength=bins)


@pytest.mark.parametrize("box", [32, 33, 64])
def test_white_noise_has_one_in_every_ring(box: int) -> None:
    power = radial_power(white(200, box)).mean(dim=0)
    assert power.shape == (box // 2 + 1,)
    error = 4 * np.sqrt(2 / (200 * coefficients_per_ring(box, len(power))))
    np.testing.assert_array_less(np.abs(power.numpy() - 1), error)


@settings(deadline=None)
@given(box=st.integers(4, 48), sd=st.floats(0.1, 30), mean=st.floats(-5, 5), seed=st.integers(0, 9))
def test_parseval(box: int, sd: float, mean: float, seed: int) -> None:
    """Ring by ring, power times the number of coefficients adds up to the sum of squares."""
    image = sd * white(1, box, seed) + mean
    power = radial_power(image)[0].double().numpy()
    total = (power * coefficients_per_ring(box, len(power))).sum()
    assert total == pytest.approx(float(image.double().square().sum()), rel=1e-3)


@settings(deadline=None)
@given(box=st.integers(8, 40), gain=st.floats(0.01, 50))
def test_power_is_quadratic_and_blind_to_place(box: int, gain: float) -> None:
    images = white(2, box)
    power = radial_power(images)
    torch.testing.assert_close(radial_power(gain * images), gain**2 * power, rtol=1e-3, atol=0)
    for same in (images.roll((3, 5), dims=(1, 2)), images.transpose(1, 2), -images):
        torch.testing.assert_close(radial_power(same), power, rtol=1e-3, atol=1e-5)


@settings(deadline=None)
@given(box=st.integers(16, 64), data=st.data())
def test_a_wave_has_its_power_in_its_own_ring(box: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, box // 2 - 1))
    t = torch.arange(box) * (2 * torch.pi * k / box)
    for image in (torch.cos(t)[:, None].expand(box, box), torch.cos(t).expand(box, box)):
        power = radial_power(image[None])[0]
        ring = round(k / box * 2 * (len(power) - 1))
        assert int(power.argmax()) == ring
        assert power[ring] > 0.999 * power.sum()


def test_the_mean_is_in_the_first_ring() -> None:
    power = radial_power(torch.full((1, 32, 32), 2.0))[0]
    assert power[0] == pytest.approx(4 * 32 * 32)
    assert power[1:].max() < 1e-6


@pytest.mark.parametrize("bins", [5, 17, 65, 200])
def test_any_number_of_rings(bins: int) -> None:
    """More rings than the image resolves repeat the ring below: none is empty."""
    power = radial_power(white(100, 32), bins).mean(dim=0)
    assert power.shape == (bins,)
    assert (power > 0.3).all()
    index = radial_index(32, bins)
    assert index.shape == (32, 17)
    assert index[0, 0] == 0
    assert index[16, 16] == bins - 1  # corners beyond Nyquist


@pytest.mark.parametrize(("bins", "box"), [(33, 64), (65, 64), (17, 96), (33, 49)])
def test_made_noise_has_the_spectrum_asked_for(bins: int, box: int) -> None:
    f = torch.linspace(0, 0.5, bins)
    asked = torch.stack([2.0 - 3 * f, 0.2 + 3 * torch.exp(-(((f - 0.25) / 0.1) ** 2))])
    noise = noise_with_power(asked.repeat_interleave(150, dim=0), box, seeded())
    assert noise.shape == (300, box, box)
    assert noise.dtype == torch.float32
    got = radial_power(noise).reshape(2, 150, -1).mean(dim=1)
    frequency = np.linspace(0, 0.5, got.shape[1])
    for measured, wanted in zip(got, asked, strict=True):
        expected = np.interp(frequency, f, wanted)
        np.testing.assert_allclose(measured[2:-1], expected[2:-1], rtol=0.1)


def test_made_noise_does_not_depend_on_the_box_in_kind() -> None:
    """Power per coefficient is the same in any box, and so is the variance of a pixel."""
    power = ice_like_power()
    sds = [float(noise_with_power(power.expand(60, -1), box, seeded()).std()) for box in (48, 96)]
    assert sds[0] == pytest.approx(sds[1], rel=0.05)


def test_the_same_state_gives_the_same_noise() -> None:
    power = ice_like_power().expand(3, -1)
    one, again = (noise_with_power(power, 32, seeded(4)) for _ in range(2))
    assert torch.equal(one, again)
    assert not torch.equal(one, noise_with_power(power, 32, seeded(5)))


def test_no_power_no_noise() -> None:
    assert not noise_with_power(torch.zeros(1, 9), 32, seeded()).any()


@pytest.mark.parametrize("bins", [2, 33, 65])
def test_ice_like_power_falls_from_low_to_high_frequency(bins: int) -> None:
    power = ice_like_power(bins)
    assert power.shape == (1, bins)
    assert (power > 0).all()
    assert (power.diff() < 0).all()
    assert power.mean() == pytest.approx(1)
