"""The basis against what defines it: orthonormal, turned by mixing pairs, filtered ring by ring."""

import numpy as np
import pytest
import torch
from scipy.ndimage import rotate

from core.sets.covariance.fourier_bessel import fourier_bessel
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform, rotation_matrices, to_images


@pytest.fixture(scope="module")
def picture() -> torch.Tensor:
    """A smooth image well inside the disc, (1, 48, 48)."""
    volume = VolumeTransform(phantom(7, 5.0, (110.0, 120.0), 15.0))
    image = to_images(volume.slices(rotation_matrices(np.array([[20.0, 70.0, 40.0]]))))
    start = (image.shape[-1] - 48) // 2
    return image[:, start : start + 48, start : start + 48]


@pytest.mark.parametrize("box", [24, 32, 50, 64])
def test_functions_are_orthonormal(box: int) -> None:
    basis = fourier_bessel(box)
    products = basis.images.T @ basis.images
    assert (products - torch.eye(basis.size)).abs().max() < 0.08  # of pixels, near Nyquist
    low = [ring.start for ring in basis.rings if ring.radial > 3]
    assert (products[low][:, low] - torch.eye(len(low))).abs().max() < 0.005


def test_a_smooth_image_is_in_their_span(picture: torch.Tensor) -> None:
    basis = fourier_bessel(48)
    back = (basis.analyse(picture) @ basis.images.T).reshape(picture.shape)
    assert (back - picture).norm() < 0.03 * picture.norm()


def test_turning_keeps_the_energy_of_each_pair(picture: torch.Tensor) -> None:
    basis = fourier_bessel(48)
    odd = picture[:, 1:, 1:]  # turned about the centre pixel
    turned = torch.zeros_like(picture)
    turned[0, 1:, 1:] = torch.from_numpy(rotate(odd[0].numpy(), 37, reshape=False, order=5))
    one, other = (basis.analyse(x)[0] for x in (picture, turned))
    for ring in basis.rings[1:8]:
        pairs = [x[ring.places].reshape(2, -1).square().sum(0) for x in (one, other)]
        assert torch.allclose(*pairs, atol=0.02 * float(one.square().sum()))


def test_a_radial_filter_is_a_matrix_for_each_ring(picture: torch.Tensor) -> None:
    basis = fourier_bessel(48)

    def gain(frequency: np.ndarray) -> np.ndarray:
        return np.asarray(np.cos(40 * frequency**2) * np.exp(-8 * frequency**2))

    fy, fx = np.fft.fftfreq(48)[:, None], np.fft.rfftfreq(48)
    spectrum = torch.fft.rfft2(picture) * torch.from_numpy(gain(np.hypot(fy, fx)))
    wanted = basis.analyse(torch.fft.irfft2(spectrum, s=(48, 48)).float())[0]
    before = basis.analyse(picture)[0]
    found = torch.zeros_like(before)
    for ring in basis.rings:
        matrix = ring.filters(gain(basis.frequencies)[None])[0]
        values = before[ring.places].reshape(ring.copies, ring.radial).double()
        found[ring.places] = (values @ matrix.T).flatten().float()
    assert (found - wanted).norm() < 0.05 * wanted.norm()
