import numpy as np
import pytest
import torch

from core.sets.classes.polar import EDGE, polar_grid
from core.signal.ctf import ctf_images, polar_ctf, random_ctf

from .glyphs import BOX, PIXEL_SIZE, glyphs, placed

RADIUS = 22.0


def correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])


@pytest.fixture(scope="module")
def pictures() -> torch.Tensor:
    return torch.from_numpy(glyphs()).float()


def test_samples_are_the_fourier_transform(pictures: torch.Tensor) -> None:
    grid = polar_grid(BOX, RADIUS)
    samples = grid.sample(pictures[:1])[0]
    distance = torch.arange(BOX) - BOX // 2
    inside = (distance[:, None] ** 2 + distance**2).sqrt() < RADIUS - EDGE
    assert float((pictures[0] * ~inside).abs().max()) < 1e-3  # the mask changes nothing
    wave = torch.fft.fft2(torch.fft.ifftshift(pictures[0]))
    for radius in (1, 3, 7):
        # Angle 0 is along x, a quarter of all angles along y.
        along_x, along_y = wave[0, radius], wave[radius, 0]
        assert float(samples[radius - 1, 0]) == pytest.approx(
            float(along_x.real + along_x.imag), abs=0.02
        )
        assert float(samples[radius - 1, grid.turns // 4]) == pytest.approx(
            float(along_y.real + along_y.imag), abs=0.02
        )


def test_images_come_back_from_their_samples(pictures: torch.Tensor) -> None:
    grid = polar_grid(BOX, RADIUS)
    back = grid.images(grid.sample(pictures))
    for made, picture in zip(back, pictures, strict=True):
        assert correlation(made, picture) > 0.99  # the mean is in no ring


def test_the_first_rings_are_those_of_all(pictures: torch.Tensor) -> None:
    grid = polar_grid(BOX, RADIUS)
    samples = grid.sample(pictures)
    torch.testing.assert_close(grid.sample(pictures, 5), samples[:, :5])
    coarse = samples.clone()
    coarse[:, 5:] = 0
    torch.testing.assert_close(grid.images(samples[:, :5]), grid.images(coarse))


def test_a_turn_is_a_shift_along_the_rings(pictures: torch.Tensor) -> None:
    grid = polar_grid(BOX, RADIUS)
    steps = 5
    turned = placed(pictures[0].double().numpy(), 360 * steps / grid.turns, np.zeros(2))
    expected = torch.roll(grid.sample(pictures[:1])[0], steps, dims=-1)
    found = grid.sample(torch.from_numpy(turned).float()[None])[0]
    assert correlation(found[:12], expected[:12]) > 0.999


def test_an_offset_is_a_phase(pictures: torch.Tensor) -> None:
    grid = polar_grid(BOX, RADIUS)
    offset = torch.tensor([[2.0, -1.0]])
    moved = torch.roll(pictures[:1], (2, -1), dims=(1, 2))
    found = grid.moved(grid.sample(pictures[:1]), grid.phases(offset))
    torch.testing.assert_close(found, grid.sample(moved), atol=0.05, rtol=1e-3)


def test_ctf_on_rings_is_the_ctf_of_images() -> None:
    ctf = random_ctf(np.random.default_rng(0), 4)
    whole = ctf_images(ctf, PIXEL_SIZE, BOX)
    radii = np.arange(1, BOX // 2) / BOX
    seen = polar_ctf(ctf, radii, np.array([0.0, np.pi / 2]), PIXEL_SIZE)
    np.testing.assert_allclose(seen[:, :, 0], whole[:, 0, 1 : BOX // 2], atol=5e-3)
    np.testing.assert_allclose(seen[:, :, 1], whole[:, 1 : BOX // 2, 0], atol=5e-3)
