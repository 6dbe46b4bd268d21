"""The mean of all views, turns and offsets that an image may show, weighted by how well they fit.

An image is CTF · (turned and moved view v) + noise of power P, or noise alone. Its log-likelihood
over that of noise alone is the sum of (Re y conj(CTF v) - |CTF v|² / 2) / P over Fourier pixels.
The posterior mean is the best estimate, in the mean square, that knows all views.
"""

from __future__ import annotations

import math

import torch

from ...signal.ctf import CtfParameters, ctf_images, polar_ctf
from ..classes.polar import PolarGrid
from ..classes.posterior import NOTHING
from ..classes.search import from_turns, to_turns
from .known_views import KnownViews, Tried

MANY = 140
"""Views up to which all of them are compared finely."""
LEAST, BEST, MOST_PRODUCTS = 16, 48, 1536
"""Of more views: those that are compared finely, at least and at most; and how many products of
views and offsets there are at most, from which their number follows."""


def posterior_mean(
    images: torch.Tensor, ctf: CtfParameters | None, known: KnownViews
) -> tuple[torch.Tensor, torch.Tensor]:
    """Estimate the clean images, their CTF on them, and tell how far the views explain the images.

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
    evidence : (n,)
        Log-likelihood of the views, all turns and offsets together, over that of noise alone.
    """
    grid, rings = known.grid, known.fine.rings
    samples = grid.sample(images, rings)
    transfer = torch.ones(len(images), rings, device=images.device)
    if ctf is not None:
        frequencies = (grid.radii[:rings].double() / grid.box).cpu().numpy()
        angles = grid.angles().double().cpu().numpy()
        values = torch.from_numpy(polar_ctf(ctf, frequencies, angles, known.pixel_size))
        values = values.to(images.device)
        transfer = values.square().mean(-1)
        samples = samples * torch.cat([values, values], dim=-1)
    means, evidence = _means(samples, transfer, known)
    made = grid.images(means)
    if ctf is None:
        return made, evidence
    shape = made.shape[-2:]
    passed = ctf_images(ctf, known.pixel_size, known.box, made.device)
    estimate: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(made) * passed, s=shape)
    return estimate, evidence


def shared_evidence(
    images: torch.Tensor, estimate: torch.Tensor, known: KnownViews
) -> torch.Tensor:
    """Tell how much an estimate (n, box, box) has in common with its images, (n,).

    In the units of the evidence of views, and on the rings that they are compared on.
    """
    grid, rings = known.grid, known.fine.rings
    one, other = grid.sample(torch.cat([images, estimate]), rings).chunk(2)
    return (one * other).sum(-1) @ (grid.sample_areas / known.noise)[:rings]


def _means(
    samples: torch.Tensor, transfer: torch.Tensor, known: KnownViews
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the mean views (n, rings, turns) of samples times their CTF, and their evidence (n,).

    All on the compared rings.
    """
    grid, tried = known.grid, known.fine
    weighted = samples * (grid.sample_areas / known.noise)[: tried.rings, None]
    views, odds = tried.spectra, _odds(transfer, known, tried)
    if len(known.views) > MANY:
        chosen = _best(weighted, transfer, known)
        views, odds = views[:, :, chosen].transpose(1, 2), odds.gather(1, chosen)
    fits = _fits(_moved_back(weighted, grid, tried), views, odds, known, tried)
    posterior, evidence = _posterior(fits.flatten(2), known.empty)
    half = tried.turns // 2
    back = from_turns(tried.turns, half).to(posterior.device) @ posterior.flatten(1)
    real, imaginary = back.reshape(2, half, *fits.shape[1:])
    along = torch.complex(real, -imaginary)
    return _moved_on(_times(along, views.transpose(-1, -2)), known, tried), evidence


def _odds(transfer: torch.Tensor, known: KnownViews, tried: Tried) -> torch.Tensor:
    """Give the part of the log-likelihood (n, k) that no turn and no offset changes."""
    rings, grid = tried.rings, known.grid
    weight = 0.5 * grid.turns * grid.sample_areas / known.noise
    return known.log_shares - transfer[:, :rings] @ (weight * known.powers)[:, :rings].T


def _best(weighted: torch.Tensor, transfer: torch.Tensor, known: KnownViews) -> torch.Tensor:
    """Choose the views (n, few) that fit best in a coarse comparison."""
    tried = known.coarse
    few = max(LEAST, min(BEST, MOST_PRODUCTS // len(known.fine.offsets)))
    own, odds = _moved_back(weighted, known.grid, tried), _odds(transfer, known, tried)
    fits = _fits(own, tried.spectra, odds, known, tried)
    told = torch.logsumexp(torch.logsumexp(fits, dim=0), dim=1)  # both at once: 6 times as long
    chosen: torch.Tensor = told.topk(few, dim=1).indices
    return chosen


def _moved_back(weighted: torch.Tensor, grid: PolarGrid, tried: Tried) -> torch.Tensor:
    """Give Fourier coefficients (turns // 2, n, s, rings) along rings of images moved back."""
    moved = grid.moved(weighted[:, None, : tried.rings], tried.phases.conj())
    spectra: torch.Tensor = torch.fft.rfft(moved)[..., : tried.turns // 2]
    return spectra.permute(3, 0, 1, 2).contiguous()


def _fits(
    own: torch.Tensor,
    views: torch.Tensor,
    odds: torch.Tensor,
    known: KnownViews,
    tried: Tried,
) -> torch.Tensor:
    """Give log-likelihoods and priors (turns, n, s, k) of views at all turns and offsets.

    Parameters
    ----------
    own : (turns // 2, n, s, rings)
        The images times CTF over noise, moved back.
    views : (turns // 2, rings, k) or (turns // 2, n, rings, k)
        Of all images, or of each.
    odds : (n, k)
        See `_odds`.
    known, tried
        The views, and how images are compared with them.
    """
    products = _times(own.conj(), views)
    both = torch.cat([products.real, -products.imag]).flatten(1)  # of conj(products)
    matrix = to_turns(tried.turns, len(own), known.grid.turns).to(both.device)
    apart = tried.offsets.square().sum(1) / known.spread
    prior = torch.log_softmax(-apart, 0) - math.log(tried.turns * len(known.views))
    fits: torch.Tensor = (matrix @ both).reshape(tried.turns, *products.shape[1:])
    return fits.add_(odds[:, None, :] + prior[:, None])


def _times(own: torch.Tensor, views: torch.Tensor) -> torch.Tensor:
    """Multiply matrices (f, n, s, i) by those of all images (f, i, j) or of each (f, n, i, j)."""
    if views.ndim == own.ndim:
        return own @ views
    return torch.bmm(own.flatten(1, 2), views).reshape(*own.shape[:-1], -1)


def _posterior(fits: torch.Tensor, empty: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Turn log-likelihoods (turns, n, m) into the posterior; the rest is that of an empty image.

    Gives also the logarithm (n,) of the mean likelihood.
    """
    part = min(max(empty, 1e-3), 0.999)
    odds = math.log((1 - part) / part)
    top = (fits.amax(0, keepdim=True).amax(2, keepdim=True) + odds).clamp(min=0)
    weights = fits.add_(odds - top).clamp_(min=NOTHING).exp_()
    total = weights.sum(0, keepdim=True).sum(2, keepdim=True)
    evidence = (total.log() + top - odds).flatten()
    return weights.div_(total + torch.exp(-top)), evidence


def _moved_on(spectra: torch.Tensor, known: KnownViews, tried: Tried) -> torch.Tensor:
    """Sum up Fourier coefficients (turns // 2, n, s, r) along rings, moved: (n, rings, turns)."""
    grid = known.grid
    some = torch.fft.irfft(spectra.permute(1, 2, 3, 0), n=grid.turns)
    return grid.moved(some, tried.phases).sum(1)
