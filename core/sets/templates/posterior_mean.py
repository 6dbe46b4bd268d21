"""The mean of all views, turns and offsets that an image may show, weighted by how well they fit.

An image is CTF · (turned and moved view v) + noise of power P, or noise alone. Its log-likelihood
over that of noise alone is the sum of (Re y conj(CTF v) - |CTF v|² / 2) / P over Fourier pixels.
The posterior mean is the best estimate, in the mean square, that knows all views.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ...signal.ctf import ctf_images, polar_ctf
from ..classes.posterior import NOTHING
from ..classes.search import from_turns, to_turns

if TYPE_CHECKING:
    from ...signal.ctf import CtfParameters
    from .known_views import KnownViews


def posterior_mean(
    images: torch.Tensor, ctf: CtfParameters | None, known: KnownViews
) -> torch.Tensor:
    """Estimate the clean images, their CTF on them.

    Parameters
    ----------
    images : (n, box, box)
        White particles, the background's mean 0 and sd 1.
    ctf
        n of them; None where the set has none.
    known
        What they may show.

    Returns
    -------
    estimate : (n, box, box)
        0 outside the mask, before the CTF.
    """
    grid = known.grid
    samples = grid.sample(images)
    transfer = torch.ones(len(images), grid.rings, device=images.device)
    if ctf is not None:
        frequencies = (grid.radii.double() / grid.box).cpu().numpy()
        angles = grid.angles().double().cpu().numpy()
        values = torch.from_numpy(polar_ctf(ctf, frequencies, angles, known.pixel_size))
        values = values.to(images.device)
        transfer = values.square().mean(-1)
        samples = samples * torch.cat([values, values], dim=-1)
    means = _means(samples, transfer, known)
    made = grid.images(means)
    if ctf is None:
        return made
    shape = made.shape[-2:]
    passed = ctf_images(ctf, known.pixel_size, known.box, made.device)
    estimate: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(made) * passed, s=shape)
    return estimate


def _means(samples: torch.Tensor, transfer: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Give the mean views (n, rings, turns) of samples times their CTF."""
    grid, turns, rings = known.grid, known.turns, known.rings
    n, k, s = len(samples), len(known.views), len(known.offsets)
    weight = grid.sample_areas / known.noise
    spectra = torch.fft.rfft(samples[:, :rings] * weight[:rings, None])[..., : turns // 2]
    products = torch.bmm(spectra.permute(2, 0, 1), known.moved.conj()).flatten(1)
    parts = torch.cat([products.real, products.imag])
    fits = to_turns(turns, turns // 2, grid.turns).to(parts.device) @ parts
    energy = transfer[:, :rings] @ (0.5 * grid.turns * weight * known.powers)[:, :rings].T
    apart = known.offsets.square().sum(1) / known.spread
    prior = torch.log_softmax(-apart, 0) - math.log(turns * k)
    fits = fits.reshape(turns, n, k, s) - (energy - known.log_shares)[:, :, None] + prior
    posterior = _posterior(fits.reshape(turns, n, k * s), known.empty)
    back = from_turns(turns, turns // 2).to(parts.device) @ posterior.flatten(1)
    real, imaginary = back.reshape(2, turns // 2, n, k * s)
    along = torch.complex(real, -imaginary)
    return _back(torch.bmm(along, known.moved.transpose(1, 2)), known)


def _posterior(fits: torch.Tensor, empty: float) -> torch.Tensor:
    """Turn log-likelihoods (turns, n, m) into the posterior; the rest is that of an empty image."""
    part = min(max(empty, 1e-3), 0.999)
    odds = math.log((1 - part) / part)
    top = (fits.amax((0, 2), keepdim=True) + odds).clamp(min=0)
    weights = fits.add_(odds - top).clamp_(min=NOTHING).exp_()
    return weights.div_(weights.sum((0, 2), keepdim=True) + torch.exp(-top))


def _back(spectra: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Give samples (n, rings, turns) of Fourier coefficients (frequencies, n, r) along rings."""
    grid = known.grid
    count, n, rings = spectra.shape
    whole = torch.zeros(
        n, grid.rings, grid.turns // 2 + 1, dtype=spectra.dtype, device=spectra.device
    )
    whole[:, :rings, :count] = spectra.permute(1, 2, 0)
    samples: torch.Tensor = torch.fft.irfft(whole, n=grid.turns)
    return samples
