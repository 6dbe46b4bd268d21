"""The power of noise inside particles is told by the CTF, where it tells anything."""

import numpy as np
import torch

from core.sets.stacking.noise_inside import inside
from core.sets.stacking.region import particle
from core.signal.ctf import CtfParameters, ctf_images, ctf_profiles
from core.signal.spectrum import noise_with_power, radial_index
from core.simulate.ctf_rows import random_ctf

BOX, N, PIXEL_SIZE = 48, 1500, 4.0
RINGS = BOX // 2 + 1
STRONGER = slice(12, 17)
"""Rings on which the noise inside is stronger."""


def images(ctf: CtfParameters, signal: float, stronger: float) -> torch.Tensor:
    """Give images of particles that are noise themselves, in noise; (n, box, box)."""
    generator = torch.Generator().manual_seed(3)
    white, noise, more = torch.randn(3, N, BOX, BOX, generator=generator)
    line = torch.arange(BOX) - BOX // 2.0
    place = (line[:, None].square() + line.square()).sqrt()
    ball = torch.exp(-0.5 * (place / 6).square())
    index = radial_index(BOX, RINGS)
    band = ((index >= STRONGER.start) & (index < STRONGER.stop)).float()
    added = torch.fft.irfft2(torch.fft.rfft2(more) * band, s=(BOX, BOX)) * stronger**0.5
    passed = ctf_images(ctf, PIXEL_SIZE, BOX, torch.device("cpu"))
    clean = torch.fft.irfft2(torch.fft.rfft2(signal * ball * white) * passed, s=(BOX, BOX))
    return clean + noise + added * (place < 18)


def told(ctf: CtfParameters, signal: float, stronger: float) -> torch.Tensor:
    return inside(images(ctf, signal, stronger), ctf, PIXEL_SIZE, torch.ones(RINGS))


def test_noise_that_is_stronger_inside_is_told_apart_from_signal() -> None:
    ctf = random_ctf(np.random.default_rng(1), N, (8000.0, 25000.0))
    factor, without = told(ctf, 0.5, 0.2), told(ctf, 0.5, 0.0)
    within = slice(STRONGER.start + 2, STRONGER.stop - 2)  # the region blurs the rings
    assert (factor[within] > 1.1).all()
    assert (factor[within] < 1.25).all()
    assert (without[within] - 1).abs().max() < 0.03
    shown = images(ctf, 0.5, 0.0)
    region = particle(shown)
    power = region.products(region.of(shown), region.of(shown)).mean(0)
    noise = noise_with_power(torch.ones(N, RINGS), BOX, torch.Generator().manual_seed(4))
    alone = region.products(region.of(noise), region.of(noise)).mean(0)
    assert (power / alone)[within].min() > 1.02  # which is signal, and not taken for noise


def test_strong_signal_is_hardly_taken_for_noise() -> None:
    """Even on coarse rings, where the region mixes rings with much and with little signal."""
    ctf = random_ctf(np.random.default_rng(1), N, (8000.0, 25000.0))
    assert (told(ctf, 3.0, 0.0) - 1)[:-1].abs().max() < 0.02  # the last ring holds all corners


def test_it_says_nothing_where_every_image_has_the_same_signal() -> None:
    alike = random_ctf(np.random.default_rng(1), 1, (9000.0, 9000.0)).take(np.zeros(N, np.int64))
    passed = ctf_profiles(alike, np.arange(RINGS) / BOX, PIXEL_SIZE)[0] ** 2
    much = torch.from_numpy(passed > 0.5)
    assert int(much.sum()) > 5
    assert (told(alike, 0.6, 0.2) - 1)[much].abs().max() < 0.01
