"""Projections of a volume whose Fourier transform is computed once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from scipy.spatial.transform import Rotation
from torch_fourier_slice.slice_extraction import extract_central_slices_rfft_3d
from torch_fourier_slice.volume_utils import separable_sinc2_correction

from .volumes import Volume


def rotation_matrices(angles: npt.NDArray[np.float64]) -> torch.Tensor:
    """Matrices of RELION's Euler angles.

    Parameters
    ----------
    angles : (n, 3)
        rlnAngleRot, rlnAngleTilt, rlnAnglePsi in degrees (intrinsic ZYZ).

    Returns
    -------
    matrices : (n, 3, 3) float32
        They left-multiply column vectors xyz.
    """
    matrices = Rotation.from_euler("ZYZ", angles, degrees=True).as_matrix()
    return torch.from_numpy(matrices.astype(np.float32))


def random_angles(rng: np.random.Generator, n: int) -> npt.NDArray[np.float64]:
    """Poses uniform on the rotation group: rot, tilt, psi in degrees, (n, 3)."""
    tilt = np.degrees(np.arccos(rng.uniform(-1, 1, n)))
    return np.stack([rng.uniform(-180, 180, n), tilt, rng.uniform(-180, 180, n)], axis=1)


class VolumeTransform:
    """The padded Fourier transform of a volume, ready to be sliced.

    Same result as torch-fourier-slice's `project_3d_to_2d(pad_factor=2)`, without transforming
    the volume at every call. Agrees with relion_project to about 1 % for a smooth volume and to
    about 5 % for one with power up to Nyquist, where the error is mostly RELION's.
    """

    def __init__(self, volume: Volume, device: torch.device | str = "cpu") -> None:
        self.name = volume.name
        self.pixel_size = volume.pixel_size
        self.box = volume.box
        data = torch.from_numpy(volume.data).to(device)
        padded = torch.nn.functional.pad(data, [volume.box // 2] * 6)
        padded = padded / separable_sinc2_correction(tuple(padded.shape), device=padded.device)
        spectrum = torch.fft.rfftn(torch.fft.ifftshift(padded), dim=(-3, -2, -1))
        self._slices_of = torch.fft.fftshift(spectrum, dim=(-3, -2))
        mass = data.clamp(min=0)
        grid = torch.arange(self.box, device=data.device) - self.box // 2
        r2 = (grid**2)[:, None, None] + (grid**2)[:, None] + grid**2
        support = mass > 0.05 * mass.max()
        self.diameter = 2 * float(r2[support].max().sqrt()) * volume.pixel_size
        """Diameter in Å of the sphere about the centre that holds the density."""

    @property
    def device(self) -> torch.device:
        """Where the transform lives."""
        device: torch.device = self._slices_of.device
        return device

    @property
    def padded_box(self) -> int:
        """Edge of the images whose transforms `slices` returns: twice the volume's box."""
        return 2 * self.box

    def slices(self, matrices: torch.Tensor) -> torch.Tensor:
        """Central slices: transforms of the projections, centred on the origin.

        Parameters
        ----------
        matrices : (n, 3, 3)

        Returns
        -------
        spectra : (n, padded_box, padded_box // 2 + 1) complex64, an rfft2 without fftshift
        """
        spectra = extract_central_slices_rfft_3d(self._slices_of, matrices.to(self.device))
        unshifted: torch.Tensor = torch.fft.ifftshift(spectra, dim=-2)
        return unshifted

    def project(self, matrices: torch.Tensor) -> torch.Tensor:
        """Projections in the volume's own box, (n, box, box)."""
        return crop_centre(to_images(self.slices(matrices)), self.box)


def to_images(spectra: torch.Tensor) -> torch.Tensor:
    """Images (n, m, m), centre at m // 2, of origin-centred rfft2 spectra (n, m, m // 2 + 1)."""
    m = spectra.shape[-2]
    images: torch.Tensor = torch.fft.fftshift(torch.fft.irfft2(spectra, s=(m, m)), dim=(-2, -1))
    return images


def shift_spectra(spectra: torch.Tensor, shifts: torch.Tensor) -> torch.Tensor:
    """Move images by `shifts` (n, 2) pixels along y and x, given as rfft2 spectra."""
    m = spectra.shape[-2]
    fy = torch.fft.fftfreq(m, device=spectra.device)
    fx = torch.fft.rfftfreq(m, device=spectra.device)
    phase = shifts[:, 0, None, None] * fy[:, None] + shifts[:, 1, None, None] * fx
    return spectra * torch.exp(-2j * torch.pi * phase)


def crop_centre(images: torch.Tensor, box: int) -> torch.Tensor:
    """Crop or zero-pad (…, m, m) to (…, box, box); the pixel m // 2 goes to box // 2."""
    before = box // 2 - images.shape[-1] // 2
    after = box - images.shape[-1] - before
    return torch.nn.functional.pad(images, [before, after, before, after])
