"""Learn from noisy images what clean ones of the same set have in common."""

from __future__ import annotations

from concurrent.futures import Executor

import numpy as np
import numpy.typing as npt
import torch

from ...compute.threads import shared
from ...signal.ctf import CtfParameters, ctf_profiles
from ...signal.spectrum import radial_index
from .background import BackgroundSpectrum
from .estimate import Moments, estimate, group_by_transfer
from .fourier_bessel import FourierBessel, fourier_bessel
from .set_prior import SetPrior

FEWEST = 100
"""Smallest number of images to learn from."""
LARGEST_BOX = 64
"""Pixels; larger images are shrunk to this box before learning."""
OUTLYING = 6.0
"""An image is left out if its energy is so many median absolute deviations above the median."""
LEAST = 0.02
"""A component is left out if in every CTF its signal is below this fraction of the noise."""
_PIECE = 32


def learn(
    images: torch.Tensor,
    ctf: CtfParameters | None,
    pixel_size: float,
    pool: Executor | None = None,
    fewest: int = FEWEST,
    rows: npt.NDArray[np.int64] | None = None,
) -> SetPrior | None:
    """Estimate noise, mean and covariance of a set.

    Parameters
    ----------
    images : (n, box, box)
        Particles of all poses, background mean 0 and sd 1; an even box up to `LARGEST_BOX`.
    ctf
        n of them; None where the set has none.
    pixel_size
        Å.
    pool
        Whose threads share the work, torch with one in each; their number changes nothing.
    fewest
        Images that are needed.
    rows
        Which images are learned from; None for all.

    Returns
    -------
    prior
        None for less than `fewest` images, or where they show nothing but noise.
    """
    rows = np.arange(len(images)) if rows is None else rows
    rows = rows[_usual(_energies(images, rows))]
    if len(rows) < fewest:
        return None
    box, basis = images.shape[-1], fourier_bessel(images.shape[-1])
    noise = _noise(images, rows, pool)
    coefficients, rows = _whitened(images, rows, noise, basis, pool)
    if len(rows) < fewest:
        return None
    amplitude = np.interp(basis.frequencies, np.linspace(0, 0.5, len(noise)), noise.sqrt().numpy())
    groups = group_by_transfer(_profiles(ctf, rows, basis.frequencies, pixel_size) / amplitude)
    moments = estimate(coefficients, basis, groups, pool)
    if (parts := _components(moments, basis, pool)) is None:
        return None
    components, places, posterior = parts
    mean = basis.images[:, basis.rings[0].places] @ torch.from_numpy(moments.mean).float()
    return SetPrior(
        box=box,
        pixel_size=pixel_size,
        count=len(rows),
        signal=moments.signal,
        noise=noise.float(),
        mean=mean.reshape(box, box),
        components=components,
        places=places,
        frequencies=torch.from_numpy(basis.frequencies).float(),
        transfers=torch.from_numpy(groups.transfer * amplitude).float(),
        posterior=posterior,
    )


def _energies(images: torch.Tensor, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Sum up the squares of the pixels of each image."""
    pieces = torch.split(torch.from_numpy(rows), _PIECE)
    return torch.cat([images[some].float().square().sum((1, 2)) for some in pieces]).numpy()


def _noise(
    images: torch.Tensor, rows: npt.NDArray[np.int64], pool: Executor | None
) -> torch.Tensor:
    """Power of the noise in rings."""
    background = BackgroundSpectrum(images.shape[-1])

    def of_piece(some: torch.Tensor) -> BackgroundSpectrum:
        seen = BackgroundSpectrum(images.shape[-1])
        seen.add(images[some].float())
        return seen

    for seen in shared(pool, of_piece, torch.split(torch.from_numpy(rows), _PIECE)):
        background.join(seen)
    return background.power()


def _profiles(
    ctf: CtfParameters | None,
    rows: npt.NDArray[np.int64],
    frequencies: npt.NDArray[np.float64],
    pixel_size: float,
) -> npt.NDArray[np.float64]:
    """CTFs (rows, frequencies) of some images; 1 where the set has none."""
    if ctf is None:
        return np.ones((len(rows), len(frequencies)))
    return ctf_profiles(ctf.take(rows), frequencies, pixel_size)


def _whitened(
    images: torch.Tensor,
    rows: npt.NDArray[np.int64],
    noise: torch.Tensor,
    basis: FourierBessel,
    pool: Executor | None,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Coefficients (rows, size) once noise has the same power everywhere; rows that are usual."""
    box = images.shape[-1]
    gain = noise.rsqrt().float()[radial_index(box, len(noise))]
    coefficients = np.empty((len(rows), basis.size), dtype=np.float32)

    def of_piece(start: int) -> None:
        some = torch.from_numpy(rows[start : start + _PIECE])
        white = torch.fft.irfft2(torch.fft.rfft2(images[some].float()) * gain, s=(box, box))
        coefficients[start : start + _PIECE] = basis.analyse(white).numpy()

    list(shared(pool, of_piece, range(0, len(rows), _PIECE)))
    usual = _usual(np.einsum("ij,ij->i", coefficients, coefficients))
    # Where all are usual, nothing is copied.
    return (coefficients, rows) if usual.all() else (coefficients[usual], rows[usual])


def _usual(energy: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which images have an energy like most others; those of ice crystals have far more."""
    energy = energy.astype(np.float64)
    middle = np.median(energy)
    spread = 1.4826 * np.median(np.abs(energy - middle))
    return np.asarray(energy <= middle + OUTLYING * max(spread, 1e-9 * middle))


def _components(
    moments: Moments, basis: FourierBessel, pool: Executor | None
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """Principal components, their places, and the covariance of their weights for each group."""
    about_zero = list(moments.covariances)
    about_zero[0] = about_zero[0] + np.outer(moments.mean, moments.mean)

    def of_ring(number: int) -> tuple[torch.Tensor, torch.Tensor] | None:
        ring, filters = basis.rings[number], moments.filters[number]
        values, axes = np.linalg.eigh(about_zero[number])
        scaled = torch.from_numpy(axes * np.sqrt(values.clip(min=0)))
        through = filters @ scaled
        heard = through.square().sum(1).amax(0) > LEAST
        if not heard.any():
            return None
        scaled, through = scaled[:, heard], through[:, :, heard]
        shape = (len(basis.images), ring.copies, ring.radial)
        functions = basis.images[:, ring.places].reshape(shape)
        pictures = (functions @ scaled.float()).permute(1, 2, 0)
        left_open = torch.linalg.inv(torch.eye(through.shape[-1]) + through.mT @ through)
        return pictures, left_open

    rings = [part for part in shared(pool, of_ring, range(len(basis.rings))) if part is not None]
    if not rings:
        return None
    slots = max(left_open.shape[-1] for _, left_open in rings)
    groups, box = len(moments.filters[0]), basis.box
    posterior = torch.zeros(groups, len(rings), slots, slots)
    places = []
    for number, (pictures, left_open) in enumerate(rings):
        copies, p = pictures.shape[:2]
        posterior[:, number, :p, :p] = left_open.float()
        start = slots * (2 * number + torch.arange(copies)[:, None])
        places.append((start + torch.arange(p)).flatten())
    components = torch.cat([pictures.reshape(-1, box, box) for pictures, _ in rings])
    return components, torch.cat(places), posterior
