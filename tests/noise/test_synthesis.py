"""Made noise has the spectrum of real noise, is Gaussian, and copies nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from core.noise.bank_table import BankPart
from core.noise.inspection import moments
from core.noise.synthesis import model_part, phase_randomised, phases_part
from core.signal.spectrum import ice_like_power, noise_with_power, radial_power
from core.signal.spectrum_model import SpectrumModel, fit_blocks

from ..bank_parts import part

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.noise.source import NoiseSource

    Kind = Callable[..., torch.Tensor]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def ice(n: int, box: int = 32, seed: int = 0) -> torch.Tensor:
    return noise_with_power(ice_like_power().expand(n, -1), box, seeded(seed))


def thon_rings(n: int, box: int = 48, seed: int = 0) -> torch.Tensor:
    """Noise whose spectrum oscillates, as that of ice under a CTF."""
    f = torch.linspace(0, 0.5, 129)
    envelope = 1 + 4 * torch.exp(-((f / 0.2) ** 2))
    power = 0.3 + envelope * (0.6 + 0.4 * torch.cos(140 * f**2)) * torch.exp(-2 * f)
    return noise_with_power(power.expand(n, -1), box, seeded(seed))


def correlation(a: torch.Tensor, b: torch.Tensor) -> np.ndarray:
    """Largest circular correlation of each image of `a` with each of `b`, at any shift."""
    a, b = ((x - x.mean((1, 2), keepdim=True)) / x.std((1, 2), keepdim=True) for x in (a, b))
    product = torch.fft.rfft2(a)[:, None].conj() * torch.fft.rfft2(b)[None]
    moved = torch.fft.irfft2(product, s=a.shape[-2:]) / a[0].numel()
    return moved.abs().amax((-2, -1)).numpy()


@pytest.mark.parametrize("box", [32, 33])
def test_phases_keep_the_two_dimensional_spectrum(box: int) -> None:
    """Also one that is not round, as astigmatism and drift make it."""
    blocks = ice(400, box)
    blocks = blocks + 0.8 * blocks.roll(1, dims=1)
    made = phase_randomised(blocks, 400, seeded(1))
    assert made.shape == (400, box, box)
    assert made.dtype == torch.float32
    got, asked = (torch.fft.rfft2(x).abs().square().mean(0) for x in (made, blocks))
    ratio = (got / asked).log()
    # Each of the two means has a relative error of about 1 / sqrt(400), twice that on the axis.
    assert ratio.abs().max() < 6 * np.sqrt(2 / 400) * np.sqrt(2)
    assert ratio.mean().abs() < 0.02
    assert made.var() == pytest.approx(float(blocks.var()), rel=0.03)


def test_phases_of_gaussian_blocks_are_gaussian() -> None:
    """Pixels and coefficients: powers of a coefficient scatter as an exponential's do."""
    blocks = ice(300)
    made = phase_randomised(blocks, 300, seeded(1))
    one, null = (moments(x.numpy()) for x in (made, blocks))
    for name in ("skewness", "kurtosis"):
        ours, theirs = getattr(one, name), getattr(null, name)
        error = np.hypot(ours.std(), theirs.std()) / np.sqrt(300)
        assert abs(ours.mean() - theirs.mean()) < 4 * error
        assert ours.std() == pytest.approx(theirs.std(), rel=0.25)
    power = torch.fft.rfft2(made).abs().square()[:, 1:15, 1:15]
    scatter = (power / power.mean(0)).std(0).mean()
    assert float(scatter) == pytest.approx(1, abs=0.05)


def test_phases_copy_nothing() -> None:
    blocks = ice(12)
    made = phase_randomised(blocks, 60, seeded(1))
    chance = correlation(ice(60, seed=7), blocks).max()
    assert chance < 0.35  # a copy, even one of two that were mixed, would have 0.7
    assert correlation(made, blocks).max() < 1.6 * chance
    among = correlation(made, made)
    np.fill_diagonal(among, 0)
    assert among.max() < 1.6 * chance


@settings(deadline=None, max_examples=20)
@given(k=st.integers(1, 5), n=st.integers(1, 7), box=st.integers(4, 21), seed=st.integers(0, 99))
def test_phases_of_any_number_and_box(k: int, n: int, box: int, seed: int) -> None:
    blocks = torch.randn(k, box, box, generator=seeded(5))
    kept = blocks.clone()
    made = phase_randomised(blocks, n, seeded(seed))
    assert made.shape == (n, box, box)
    assert torch.isfinite(made).all()
    assert torch.equal(blocks, kept)
    assert torch.equal(made, phase_randomised(blocks, n, seeded(seed)))
    if n > 1:
        assert not torch.equal(made[0], made[1])


def test_a_flat_block_stays_without_power_where_the_real_one_has_none() -> None:
    flat = phase_randomised(torch.zeros(2, 16, 16), 3, seeded())
    assert not flat.any()


@pytest.mark.parametrize("kind", [ice, thon_rings])
@pytest.mark.parametrize("box", [48, 64, 96, 81])
def test_a_fitted_spectrum_makes_noise_of_any_box(kind: Kind, box: int) -> None:
    model = fit_blocks([kind(150, 48).numpy(), kind(50, 48, seed=1).numpy()])
    made = model.draw(120, box, seeded(2))
    assert made.shape == (120, box, box)
    assert made.dtype == torch.float32
    wanted = kind(120, box, seed=3)
    got, asked = (radial_power(x).mean(0).numpy() for x in (made, wanted))
    smooth = 5 if kind is ice else 2 * 96 / 48  # rings that blocks of 48 pixels resolve
    low = int(smooth * box / 96) + 2
    error = np.abs(np.log(got / asked))[low:-1]
    # A bin of the blocks averages over 1/48 cycles per pixel, where rings oscillate.
    assert np.sqrt((error**2).mean()) < (0.05 if kind is ice else 0.12)
    assert made.var() == pytest.approx(float(wanted.var()), rel=0.06)
    kurtosis = moments(made.numpy()).kurtosis
    assert abs(kurtosis.mean()) < 4 * kurtosis.std() / np.sqrt(120) + 0.02


def test_low_frequencies_are_extrapolated() -> None:
    """Waves that blocks of 48 pixels cannot hold: no more than a factor of two off, and finite."""
    model = fit_blocks([ice(300, 48).numpy()])
    f = torch.linspace(0, 0.02, 6)
    fine = ice_like_power(1001)[0] * (ice_like_power(65)[0, 0] / ice_like_power(1001)[0, 0])
    true = fine[(f * 2000).round().long()]
    assert float((model.power(f) / true).log().abs().max()) < np.log(2)


def test_the_formula_is_found_again() -> None:
    true = SpectrumModel(floor=0.8, falloff=1.2, rise=5.0, corner=0.09, steepness=3.0)
    found = fit_blocks([true.draw(400, 64, seeded()).numpy()])
    for name in ("floor", "falloff", "rise", "corner", "steepness"):
        assert getattr(found, name) == pytest.approx(getattr(true, name), rel=0.2), name
    assert found.residual < 0.06
    # Chance alone is left: it is trusted less where fewer coefficients were measured.
    assert np.abs(found.correction).max() < 0.2


def test_the_model_is_a_noise_source_and_deterministic() -> None:
    model = fit_blocks([ice(20).numpy()])
    source: NoiseSource = model  # the protocol that training draws from
    assert torch.equal(source.draw(3, 40, seeded(1)), model.draw(3, 40, seeded(1)))
    assert not torch.equal(source.draw(3, 40, seeded(1)), model.draw(3, 40, seeded(2)))
    assert fit_blocks([ice(20).numpy()]) == model
    parts = fit_blocks([ice(20)[:7].numpy(), ice(20)[7:].numpy()])
    assert parts.floor == pytest.approx(model.floor, rel=1e-3)


def test_parts_say_what_they_are() -> None:
    real = part("Micrographs/a.mrc", 6, box=24)
    real = BankPart(**{**vars(real), "sd": 7.0 * real.blocks.std(axis=(1, 2))})
    phases = phases_part(real, 9, seed=3)
    assert set(phases.micrographs) == {"Micrographs/a.mrc"}
    assert set(phases.sources) == {"phases"}
    np.testing.assert_allclose(phases.sd, 7.0 * phases.blocks.std(axis=(1, 2)), rtol=1e-5)
    np.testing.assert_array_equal(phases.blocks, phases_part(real, 9, seed=3).blocks)
    assert not np.array_equal(phases.blocks, phases_part(real, 9, seed=4).blocks)
    made = model_part(fit_blocks([real.blocks]), 40, 5, seed=1, unit=7.0)
    assert made.blocks.shape == (5, 40, 40)
    assert set(made.micrographs) == {"synthetic"}
    assert set(made.sources) == {"model"}
    np.testing.assert_allclose(made.blocks.mean(axis=(1, 2)), 0, atol=1e-5)
