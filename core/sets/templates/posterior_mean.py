"""The mean of all views, turns and offsets that an image may show, weighted by how well they fit.

An image is CTF · (turned and moved view v) + noise of power P, or noise alone. Its log-likelihood
over that of noise alone is the sum of (Re y conj(CTF v) - |CTF v|² / 2) / P over Fourier pixels.
The posterior mean is the best estimate, in the mean square, that knows all views. All views are
tried on the coarse rings. Where finer rings show something, the best few are tried again there.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch

from ...signal.ctf import ctf_images, polar_ctf
from .known_views import COARSE_RINGS, COARSE_TURNS, FINE_STEP

if TYPE_CHECKING:
    from ...signal.ctf import CtfParameters
    from .known_views import KnownViews

BEST = 6
"""Views that an image is compared with on all rings."""


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
    grid, turns = known.grid, COARSE_TURNS
    spectra = _spectra(samples, known)
    rings = min(known.rings, COARSE_RINGS)
    fits = _fits(spectra[: turns // 2, :, :rings], known.coarse, turns, grid.turns)
    n, k, s = len(samples), len(known.views), len(known.offsets)
    fits = fits.reshape(n, k, s, turns)
    fits = fits - _energy(transfer, known, rings)[:, :, None, None]
    fits = fits - (known.offsets.square().sum(1) / known.spread)[:, None]
    if known.rings <= rings:
        return _mean_of(fits, known.coarse, known, rings)
    return _finer(samples, transfer, fits, known)


def _spectra(samples: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Give what views are multiplied with: (frequencies, n, rings)."""
    weight = known.grid.sample_areas / known.noise
    spectra: torch.Tensor = torch.fft.rfft(samples * weight[:, None]).permute(2, 0, 1)
    return spectra.contiguous()


def _fits(spectra: torch.Tensor, views: torch.Tensor, turns: int, of_turns: int) -> torch.Tensor:
    """Correlate for all turns: (frequencies, n, r) with (frequencies, r, m) gives (n, m, turns)."""
    products = torch.bmm(spectra, views.conj())
    fits: torch.Tensor = torch.fft.irfft(products.permute(1, 2, 0), n=turns)
    return fits * (turns / of_turns)


def _energy(transfer: torch.Tensor, known: KnownViews, rings: int) -> torch.Tensor:
    """Half the power of each view in each image, over the noise: (n, k)."""
    weight = 0.5 * known.grid.turns * known.grid.sample_areas / known.noise
    energy: torch.Tensor = transfer[:, :rings] @ (weight * known.powers)[:, :rings].T
    return energy


def _normaliser(known: KnownViews, cells: float) -> float:
    """Logarithm of the weight of one view, offset and turn, over that of an empty image."""
    part = min(max(known.empty, 1e-3), 0.999)
    return math.log((1 - part) / part / len(known.views) / cells)


def _posterior(fits: torch.Tensor, weight: float) -> torch.Tensor:
    """Turn log-likelihoods (n, …) into the posterior; the rest of 1 is that of an empty image."""
    flat = (fits + weight).flatten(1)
    total = torch.logaddexp(
        torch.logsumexp(flat, dim=1), torch.zeros(len(flat), device=fits.device)
    )
    return torch.exp(flat - total[:, None]).reshape(fits.shape)


def _mean_of(
    fits: torch.Tensor, views: torch.Tensor, known: KnownViews, rings: int
) -> torch.Tensor:
    """Average all views by their posterior: fits (n, k, s, turns), views (frequencies, r, k s)."""
    turns = fits.shape[-1]
    cells = float(torch.exp(-known.offsets.square().sum(1) / known.spread).sum()) * turns
    posterior = _posterior(fits, _normaliser(known, cells))
    along = torch.fft.rfft(posterior.flatten(1, 2))[..., : turns // 2].permute(2, 0, 1)
    spectra = torch.bmm(along, views.transpose(1, 2))  # (frequencies, n, r)
    return _back(spectra, known, rings)


def _back(spectra: torch.Tensor, known: KnownViews, rings: int) -> torch.Tensor:
    """Give samples (n, rings, turns) of Fourier coefficients (frequencies, n, r) along rings."""
    grid = known.grid
    count, n = spectra.shape[:2]
    whole = torch.zeros(
        n, grid.rings, grid.turns // 2 + 1, dtype=spectra.dtype, device=spectra.device
    )
    whole[:, :rings, :count] = spectra.permute(1, 2, 0)
    samples: torch.Tensor = torch.fft.irfft(whole, n=grid.turns)
    return samples


def _finer(
    samples: torch.Tensor, transfer: torch.Tensor, fits: torch.Tensor, known: KnownViews
) -> torch.Tensor:
    """Compare each image with its best views on all rings, about the offset that fits best."""
    grid, rings, half = known.grid, known.rings, known.grid.turns // 2
    chosen = torch.logsumexp(fits.flatten(2), dim=2).topk(min(BEST, fits.shape[1]), dim=1).indices
    places = _offsets(fits, known)[:, None] + known.near_offsets  # (n, s, 2)
    n, s = places.shape[:2]
    phases = grid.phases(places.flatten(0, 1)).reshape(n, s, grid.rings, half)
    moved = grid.moved(samples[:, None], phases.conj())
    spectra = _spectra(moved.flatten(0, 1), known)[:half, :, :rings]
    spectra = spectra.reshape(half, n, s, rings).permute(1, 0, 2, 3)
    views = known.fine[chosen].permute(0, 2, 3, 1, 4).flatten(3)  # (n, half, rings, best)
    products = spectra @ views.conj()  # (n, half, s, best)
    fine = torch.fft.irfft(products, n=grid.turns, dim=1)
    energy = _energy(transfer, known, rings).gather(1, chosen)
    apart = places.square().sum(-1) / known.spread
    fine = fine - energy[:, None, None] - apart[:, None, :, None]
    cells = math.pi * known.spread * grid.turns / FINE_STEP**2
    posterior = _posterior(fine, _normaliser(known, cells))
    along = torch.fft.rfft(posterior, dim=1)[:, :half].to(views.dtype)
    found = (along @ views.mT).permute(1, 0, 2, 3).flatten(1, 2)  # (half, n * s, rings)
    back = _back(found, known, rings).reshape(n, s, grid.rings, grid.turns)
    return grid.moved(back, phases).sum(1)


def _offsets(fits: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Give where each image's best view lies, (n, 2) y and x in pixels of the image."""
    _, _, s, turns = fits.shape
    place = fits.flatten(1).argmax(1)
    offset = known.offsets[place // turns % s]
    angle = (place % turns) * (2 * math.pi / turns)
    sine, cosine = torch.sin(angle), torch.cos(angle)
    y, x = offset[:, 0], offset[:, 1]
    return torch.stack([x * sine + y * cosine, x * cosine - y * sine], dim=1)
