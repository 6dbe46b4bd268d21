"""The mean of known views finds the one that an image shows, and nothing in noise."""

import math

import numpy as np
import pytest
import torch

from core.sets.classes.polar import EDGE, polar_grid
from core.sets.templates import posterior_mean as posterior_mean_module
from core.sets.templates.known_views import KnownViews
from core.sets.templates.posterior_mean import posterior_mean
from core.signal.ctf import CtfParameters, ctf_images, random_ctf

BOX, PIXEL_SIZE, RADIUS, N = 48, 4.0, 16 + EDGE, 6


def shape(turn: float, y: float, x: float, width: float) -> torch.Tensor:
    """Three blobs, turned (degrees, from x towards y) and moved (pixels)."""
    rows, columns = torch.meshgrid(*[torch.arange(BOX) - BOX // 2.0] * 2, indexing="ij")
    made = torch.zeros(BOX, BOX)
    for distance, angle, height in ((0, 0, 1.0), (8, 0, 0.8), (7, 130, 0.6)):
        at = math.radians(angle + turn)
        down, right = y + distance * math.sin(at), x + distance * math.cos(at)
        apart = (rows - down).square() + (columns - right).square()
        made += height * torch.exp(-apart / (2 * width**2))
    return made


def known(width: float, noise: float, strength: float = 1.0) -> KnownViews:
    """Views of two shapes; the second has a hole."""
    grid = polar_grid(BOX, RADIUS)
    views = torch.stack([shape(0, 0, 0, width), -0.5 * shape(0, 0, 0, 1.5 * width)]) * strength
    power = torch.full((grid.rings,), noise**2 * BOX**2)
    return KnownViews(grid.sample(views), power, BOX, PIXEL_SIZE, RADIUS, 1.5, 0.1)


def seen(
    width: float, noise: float, strength: float = 1.0, *, empty: bool = False
) -> tuple[torch.Tensor, torch.Tensor, CtfParameters]:
    """Clean and noisy particles of the first shape, and their CTFs."""
    rng, generator = np.random.default_rng(0), torch.Generator().manual_seed(0)
    bare = torch.stack([
        shape(float(rng.uniform(0, 360)), *rng.normal(0, 1.5, 2).tolist(), width)
        for _ in range(N)
    ])  # fmt: skip
    ctf = random_ctf(rng, N, (10000, 20000))
    passed = ctf_images(ctf, PIXEL_SIZE, BOX)
    clean = torch.fft.irfft2(torch.fft.rfft2(bare * strength) * passed, s=(BOX, BOX))
    clean = clean * (not empty)
    return clean, clean + noise * torch.randn(N, BOX, BOX, generator=generator), ctf


def by_brute_force(
    noisy: torch.Tensor, ctf: CtfParameters, width: float, noise: float
) -> torch.Tensor:
    """Try the first shape in many turns and places, pixel by pixel."""
    steps = torch.arange(-4, 5) * 1.0
    bare = torch.stack([
        shape(turn, float(y), float(x), width)
        for turn in range(0, 360, 12)
        for y in steps
        for x in steps
    ])  # fmt: skip
    apart = torch.tensor([[float(y), float(x)] for y in steps for x in steps]).square().sum(1)
    prior = (-apart / (2 * 1.5**2)).repeat(len(bare) // len(apart))
    spectra = torch.fft.rfft2(bare)
    found = []
    for image, passed in zip(noisy, ctf_images(ctf, PIXEL_SIZE, BOX), strict=True):
        shown = torch.fft.irfft2(spectra * passed, s=(BOX, BOX)).flatten(1)
        fits = (shown @ image.flatten() - shown.square().sum(1) / 2) / noise**2 + prior
        found.append((fits.softmax(0) @ shown).reshape(BOX, BOX))
    return torch.stack(found)


@pytest.mark.parametrize(("width", "noise"), [(3.0, 0.6), (3.0, 0.2), (1.2, 0.4), (1.2, 0.2)])
def test_a_known_particle_is_found(width: float, noise: float) -> None:
    """About as well as pixel by pixel, whether fine rings are compared or not."""
    clean, noisy, ctf = seen(width, noise)
    found, _ = posterior_mean(noisy, ctf, known(width, noise))

    def error(estimate: torch.Tensor) -> float:
        return float((estimate - clean).square().sum() / clean.square().sum())

    assert error(found) < 1.5 * error(by_brute_force(noisy, ctf, width, noise)) + 0.02


def test_nothing_is_found_in_noise() -> None:
    _, noisy, ctf = seen(4.0, noise=1.0, empty=True)
    found, _ = posterior_mean(noisy, ctf, known(4.0, noise=1.0))
    assert float(found.square().mean().sqrt()) < 0.05


def test_weak_signal_gives_a_weak_answer() -> None:
    """The posterior mean is never stronger than what the image says."""
    clean, noisy, ctf = seen(4.0, noise=1.0, strength=0.3)
    found, _ = posterior_mean(noisy, ctf, known(4.0, noise=1.0, strength=0.3))
    assert float(found.square().sum()) < 1.5 * float(clean.square().sum())


def test_images_without_ctf() -> None:
    clean, _, _ = seen(4.0, noise=0.0)
    bare = torch.stack([shape(30.0 * k, 0.5, -1.0, 4.0) for k in range(N)])
    generator = torch.Generator().manual_seed(1)
    noisy = bare + 0.3 * torch.randn(N, BOX, BOX, generator=generator)
    found, _ = posterior_mean(noisy, None, known(4.0, noise=0.3))
    inside = polar_grid(BOX, RADIUS).images(polar_grid(BOX, RADIUS).sample(bare))
    error = (found - inside).square().sum(dim=(1, 2)) / inside.square().sum(dim=(1, 2))
    assert float(error.max()) < 0.1
    assert clean.shape == found.shape


def test_pieces_give_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    _, noisy, ctf = seen(1.2, noise=0.5)
    views = known(1.2, noise=0.5)
    whole, _ = posterior_mean(noisy, ctf, views)
    parts = [
        posterior_mean(noisy[k : k + 2], ctf.take(np.arange(k, k + 2)), views)[0] for k in (0, 2, 4)
    ]
    torch.testing.assert_close(whole, torch.cat(parts), atol=1e-4, rtol=1e-3)


def test_only_the_best_of_many_views_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """A coarse comparison finds those that an image may show."""
    generator = torch.Generator().manual_seed(3)
    grid = polar_grid(BOX, RADIUS)
    shapes = torch.stack([
        sum(
            (float(height) * shape(float(turn), float(y), float(x), 2.0)
             for height, turn, y, x in torch.rand(3, 4, generator=generator) * 10),
            start=torch.zeros(BOX, BOX),
        )
        for _ in range(80)
    ])  # fmt: skip
    power = torch.full((grid.rings,), 15.0**2 * BOX**2)
    views = KnownViews(grid.sample(shapes), power, BOX, PIXEL_SIZE, RADIUS, 1.0, 0.1)
    noisy = shapes[:20] + 15 * torch.randn(20, BOX, BOX, generator=generator)
    monkeypatch.setattr(posterior_mean_module, "MANY", 40)
    pruned, _ = posterior_mean(noisy, None, views)
    monkeypatch.setattr(posterior_mean_module, "MANY", 1000)
    whole, _ = posterior_mean(noisy, None, views)
    assert not torch.equal(pruned, whole)
    assert (pruned - whole).norm() < 0.1 * whole.norm()
