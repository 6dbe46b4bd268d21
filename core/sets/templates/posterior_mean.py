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
    from .known_views import KnownViews, Tried

MANY = 64
"""Views up to which all of them are compared finely."""
LEAST, BEST, MOST_PRODUCTS = 8, 24, 768
"""Of more views: those that are compared finely, at least and at most; and how many products of
views and offsets there are at most, from which their number follows."""


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
    grid, tried = known.grid, known.fine
    weighted = samples * (grid.sample_areas / known.noise)[:, None]
    spectra = torch.fft.rfft(weighted).permute(2, 0, 1).contiguous()
    moved, odds = tried.moved[:, None], _odds(transfer, known, tried)
    if len(known.views) > MANY:
        chosen = _best(spectra, transfer, known)
        moved, odds = tried.moved[:, :, chosen].transpose(1, 2), odds.gather(1, chosen)
    fits = _fits(spectra, moved, odds, known, tried)
    posterior = _posterior(fits.flatten(2), known.empty)
    half = tried.turns // 2
    back = from_turns(tried.turns, half).to(posterior.device) @ posterior.flatten(1)
    real, imaginary = back.reshape(2, half, *posterior.shape[1:])
    return _back(_weighted(torch.complex(real, -imaginary), moved.flatten(3)), known)


def _odds(transfer: torch.Tensor, known: KnownViews, tried: Tried) -> torch.Tensor:
    """Give the part of the log-likelihood (n, k) that no turn and no offset changes."""
    rings, grid = tried.rings, known.grid
    weight = 0.5 * grid.turns * grid.sample_areas / known.noise
    return known.log_shares - transfer[:, :rings] @ (weight * known.powers)[:, :rings].T


def _best(spectra: torch.Tensor, transfer: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Choose the views (n, few) that fit best in a coarse comparison."""
    tried = known.coarse
    few = max(LEAST, min(BEST, MOST_PRODUCTS // len(known.fine.offsets)))
    fits = _fits(spectra, tried.moved[:, None], _odds(transfer, known, tried), known, tried)
    chosen: torch.Tensor = torch.logsumexp(fits, dim=(0, 3)).topk(few, dim=1).indices
    return chosen


def _fits(
    spectra: torch.Tensor,
    moved: torch.Tensor,
    odds: torch.Tensor,
    known: KnownViews,
    tried: Tried,
) -> torch.Tensor:
    """Give log-likelihoods and priors (turns, n, k, s) of views at all turns and offsets.

    Parameters
    ----------
    spectra : (frequencies, n, rings)
        Of the images times CTF over noise.
    moved : (turns // 2, n or 1, rings, k, s)
        The views of each image, or of all.
    odds : (n, k)
        See `_odds`.
    known, tried
        The views, and how images are compared with them.
    """
    half, shared, rings, k, s = moved.shape
    own, views = spectra[:half, :, :rings].conj(), moved.flatten(3)
    products = torch.bmm(own, views[:, 0]) if shared == 1 else (own[:, :, None] @ views)[:, :, 0]
    both = torch.cat([products.real, -products.imag]).flatten(1)  # of conj(products)
    matrix = to_turns(tried.turns, half, known.grid.turns).to(both.device)
    apart = tried.offsets.square().sum(1) / known.spread
    prior = torch.log_softmax(-apart, 0) - math.log(tried.turns * len(known.views))
    fits = (matrix @ both).reshape(tried.turns, own.shape[1], k, s)
    return fits.add_(odds[:, :, None]).add_(prior)


def _weighted(along: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
    """Sum up views (f, n or 1, rings, m) with the weights (f, n, m) of each image."""
    if views.shape[1] == 1:
        return torch.bmm(along, views[:, 0].transpose(1, 2))
    return (views @ along[..., None])[..., 0]


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
