"""Learn from noisy images what clean ones of the same set have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch

from ..noise.spectrum import radial_index
from ..simulate.ctf import ctf_profiles
from .background import BackgroundSpectrum
from .estimate import Groups, estimate, group_by_transfer
from .fourier_bessel import fourier_bessel
from .set_prior import SetPrior

if TYPE_CHECKING:
    import numpy.typing as npt

    from ..simulate.ctf import CtfParameters
    from .estimate import Moments
    from .fourier_bessel import FourierBessel

FEWEST = 100
"""Images below which nothing is learned."""
LARGEST_BOX = 64
"""Pixels: a larger field is learned at a coarser pixel."""
OUTLYING = 6.0
"""Median absolute deviations of an image's energy beyond which it does not count."""
LEAST = 0.02
"""Components whose signal is below this part of the noise in every CTF are left out."""
_PIECE = 32


def learn(images: torch.Tensor, ctf: CtfParameters | None, pixel_size: float) -> SetPrior | None:
    """Estimate noise, mean and covariance of a set.

    Parameters
    ----------
    images : (n, box, box) float32
        Particles of all poses, the background's mean 0 and sd 1; an even box of at most
        `LARGEST_BOX`.
    ctf
        n of them; None where the set has none.
    pixel_size
        Å.

    Returns
    -------
    prior
        None for less than `FEWEST` images, or where they show nothing but noise.
    """
    rows = np.flatnonzero(_usual(images.flatten(1).numpy()))
    if len(rows) < FEWEST:
        return None
    if len(rows) < len(images):
        images = images[torch.from_numpy(rows)]
    box, basis = images.shape[-1], fourier_bessel(images.shape[-1])
    noise = _noise(images)
    coefficients = _whitened(images, noise, basis)
    usual = _usual(coefficients)
    if not usual.all():
        coefficients, rows = coefficients[usual], rows[usual]
    if len(rows) < FEWEST:
        return None
    amplitude = np.interp(basis.frequencies, np.linspace(0, 0.5, len(noise)), noise.sqrt().numpy())
    if ctf is None:
        profiles = np.ones((len(rows), len(basis.frequencies)))
    else:
        profiles = ctf_profiles(ctf.take(rows), basis.frequencies, pixel_size)
    groups = group_by_transfer(profiles / amplitude)
    moments = estimate(coefficients, basis, groups)
    parts = _components(moments, basis, groups)
    if parts is None:
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


def _noise(images: torch.Tensor) -> torch.Tensor:
    background = BackgroundSpectrum(images.shape[-1])
    for piece in torch.split(images, _PIECE):
        background.add(piece)
    return background.power()


def _whitened(
    images: torch.Tensor, noise: torch.Tensor, basis: FourierBessel
) -> npt.NDArray[np.float32]:
    """Coefficients (n, size) of images whose noise has the same power everywhere."""
    box = images.shape[-1]
    gain = noise.rsqrt().float()[radial_index(box, len(noise))]
    pieces = [
        basis.analyse(torch.fft.irfft2(torch.fft.rfft2(piece) * gain, s=(box, box)))
        for piece in torch.split(images, _PIECE)
    ]
    return np.asarray(torch.cat(pieces).numpy())


def _usual(values: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Leave out rows with far more energy than others have, such as images of crystals of ice."""
    energy = np.einsum("ij,ij->i", values, values).astype(np.float64)
    middle = np.median(energy)
    spread = 1.4826 * np.median(np.abs(energy - middle))
    return np.asarray(energy <= middle + OUTLYING * max(spread, 1e-9 * middle))


def _components(
    moments: Moments, basis: FourierBessel, groups: Groups
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
    """Principal components, their places, and what images of each group leave open of them."""
    filters = basis.filters(groups.transfer)
    about_zero = list(moments.covariances)
    about_zero[0] = about_zero[0] + np.outer(moments.mean, moments.mean)
    passed, images = [], []
    for ring, transfers, covariance in zip(basis.rings, filters, about_zero, strict=True):
        values, axes = np.linalg.eigh(covariance)
        scaled = axes * np.sqrt(values.clip(min=0))
        through = np.einsum("gab,bp->gap", transfers, scaled)
        heard = np.square(through).sum(1).max(0) > LEAST
        if heard.any():
            scaled, through = scaled[:, heard], through[:, :, heard]
            passed.append(np.einsum("gap,gaq->gpq", through, through))
            shape = (len(basis.images), ring.copies, ring.radial)
            functions = basis.images[:, ring.places].reshape(shape)
            images.append(torch.einsum("xcr,rp->cpx", functions, torch.from_numpy(scaled).float()))
    if not passed:
        return None
    slots = max(matrix.shape[-1] for matrix in passed)
    posterior = np.zeros((len(groups.transfer), len(passed), slots, slots))
    places = []
    for number, (matrix, pictures) in enumerate(zip(passed, images, strict=True)):
        copies, p = pictures.shape[:2]
        posterior[:, number, :p, :p] = np.linalg.inv(np.eye(p) + matrix)
        start = slots * (2 * number + np.arange(copies)[:, None])
        places.append((start + np.arange(p)).ravel())
    box = basis.box
    return (
        torch.cat([pictures.reshape(-1, box, box) for pictures in images]),
        torch.from_numpy(np.concatenate(places)),
        torch.from_numpy(posterior).float(),
    )
