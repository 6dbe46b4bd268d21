"""Rings, their correlation, its crossings, and what the error of a denoiser is made of."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch_fourier_shell_correlation import fourier_correlation

from core.signal.agreement import crossing, frc, pooled_frc
from core.signal.filters import wiener_filter
from core.signal.shells import shell_index, shell_sums
from core.signal.spectrum import noise_with_power


def noise(n: int, box: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(n, box, box, generator=torch.Generator().manual_seed(seed))


def falling(n: int, box: int, seed: int) -> torch.Tensor:
    """Images whose power falls with frequency, as particles' does."""
    power = torch.exp(-torch.linspace(0, 8, box // 2 + 1))[None].expand(n, -1)
    return noise_with_power(20 * power, box, torch.Generator().manual_seed(seed))


def by_hand(one: torch.Tensor, other: torch.Tensor, ring: int) -> float:
    """FRC from the full transform, without a mirror image left out."""
    box = one.shape[-1]
    f = np.fft.fftfreq(box) * box
    inside = np.rint(np.hypot(f[:, None], f)) == ring
    a, b = np.fft.fft2(one.numpy())[inside], np.fft.fft2(other.numpy())[inside]
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b.conj()).real.sum() / length)


@settings(deadline=None, max_examples=25)
@given(box=st.integers(4, 20), dims=st.sampled_from([2, 3]))
def test_shells_count_every_coefficient_of_the_full_transform(box: int, dims: int) -> None:
    bins = box // 2 + 1
    index, weight = shell_index(box, dims, bins)
    f = np.fft.fftfreq(box)
    axes = np.meshgrid(*[f] * dims, indexing="ij")
    radius = np.rint(np.sqrt(sum(a**2 for a in axes)) * 2 * (bins - 1))
    expected = [(radius == k).sum() for k in range(bins)]
    assert shell_sums(torch.ones(index.shape), dims, bins).tolist() == expected
    assert weight.sum() == box**dims


@settings(deadline=None, max_examples=15)
@given(box=st.integers(6, 24).map(lambda b: 2 * (b // 2)), seed=st.integers(0, 99))
def test_it_is_the_correlation_of_the_full_transform(box: int, seed: int) -> None:
    one = noise(2, box, seed)
    other = one + noise(2, box, seed + 1)
    curve = frc(one, other)
    assert curve.shape == (2, box // 2 + 1)
    for k in range(2):
        expected = [by_hand(one[k], other[k], ring) for ring in range(box // 2 + 1)]
        np.testing.assert_allclose(curve[k], expected, atol=1e-4)
    assert curve.abs().max() <= 1 + 1e-5


def test_an_independent_library_agrees() -> None:
    """Its rings overlap (triangular weights), so that single rings differ by their statistics."""
    truth = falling(24, 96, 1)
    images = truth + 0.6 * noise(24, 96, 2)
    spectra = [torch.fft.fft2(x) for x in (images, truth)]
    theirs = fourier_correlation(*spectra, (96, 96), rfft=False).mean(0)
    ours = frc(images, truth).mean(0)
    torch.testing.assert_close(ours[2:-1], theirs[2:-1], rtol=0, atol=0.03)
    for threshold in (0.5, 0.143):
        apart = crossing(ours, 4.0, threshold) / crossing(theirs, 4.0, threshold)
        assert apart.item() == pytest.approx(1, abs=0.03)


def test_a_gain_for_each_ring_changes_nothing() -> None:
    truth = falling(3, 32, 3)
    images = truth + noise(3, 32, 4)
    filtered = wiener_filter(images, 1 + torch.rand(17), torch.ones(17))
    torch.testing.assert_close(frc(filtered, truth)[:, :-1], frc(images, truth)[:, :-1],
                               rtol=0, atol=1e-4)  # fmt: skip
    assert not frc(torch.zeros_like(truth), truth).any()


def test_fewer_and_wider_rings() -> None:
    one, other = falling(2, 32, 5), falling(2, 32, 6)
    assert frc(one, other, 9).shape == (2, 9)
    torch.testing.assert_close(frc(one, one, 9), torch.ones(2, 9), rtol=0, atol=1e-5)
    with pytest.raises(ValueError, match="2 to 17 shells"):
        frc(one, other, 18)


@settings(deadline=None)
@given(bins=st.integers(4, 80), at=st.floats(0.05, 0.95), pixel=st.floats(0.5, 8))
def test_a_straight_curve_crosses_where_it_does(bins: int, at: float, pixel: float) -> None:
    """1 at zero frequency, the threshold 0.5 at the part `at` of Nyquist."""
    f = torch.linspace(0, 1, bins, dtype=torch.float64)
    curve = 1 - 0.5 * f / at
    if at * (bins - 1) <= 1:
        assert crossing(curve, pixel, 0.5).item() == np.inf or at * (bins - 1) == 1
    else:
        assert crossing(curve, pixel, 0.5).item() == pytest.approx(2 * pixel / at, rel=1e-4)


def test_crossings_at_the_ends() -> None:
    curves = torch.ones(4, 11)
    curves[1, 5:] = 0  # halfway between rings 4 and 5
    curves[2, 1:] = 0
    curves[3, 0] = -1  # the sign of the mean says nothing
    found = crossing(curves, 2.0, 0.5).tolist()
    assert found == pytest.approx([4.0, 4.0 * 10 / 4.5, np.inf, 4.0])
    assert crossing(curves[1], 2.0, 0.5).shape == ()


def test_the_first_crossing_counts() -> None:
    curve = torch.tensor([1.0, 1.0, 0.0, 1.0, 0.0])
    assert crossing(curve, 1.0, 0.5).item() == pytest.approx(8 / 1.5)


def test_pooled_is_one_ring_of_all_images() -> None:
    truth = falling(1, 24, 13).expand(5, -1, -1)
    images = truth + noise(5, 24, 14)
    wide = torch.cat([frc(images.mean(0, keepdim=True), truth[:1])])
    assert (pooled_frc(images, truth)[1:6] <= wide[0, 1:6] + 1e-4).all()
    torch.testing.assert_close(pooled_frc(images[:1], truth[:1]), frc(images[:1], truth[:1])[0])
