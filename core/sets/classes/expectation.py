"""Where every image belongs: its posterior over class, turn and offset, and what that adds up to.

An image is y = CTF · (turned and moved class average a) + noise of power P. Its log-likelihood,
over that of noise alone, is the sum of (Re y conj(CTF a) - |CTF a|² / 2) / P over Fourier pixels.
For all turns at once this is a product of Fourier coefficients along the rings.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from .mixture import Statistics

if TYPE_CHECKING:
    from .mixture import Mixture
    from .polar import PolarGrid
    from .search import Search, Templates
    from .views import Views

NEGLIGIBLE = 1e-4
"""Posterior of a class below which an image adds nothing to it."""


@dataclass(frozen=True)
class Poses:
    """Where images fit best.

    Attributes
    ----------
    classes : (n,)
        Of the most likely class; the number of classes stands for an empty image.
    turns : (n,)
        Degrees by which the class average is turned from x towards y.
    offsets : (n, 2)
        y, x in pixels, of the particle from the box's centre.
    highest : (n,)
        Posterior of the most likely class, turn and offset.
    certainty : (n,)
        Posterior of the most likely class.
    log_likelihood : (n,)
        Over that of noise alone.
    """

    classes: torch.Tensor
    turns: torch.Tensor
    offsets: torch.Tensor
    highest: torch.Tensor
    certainty: torch.Tensor
    log_likelihood: torch.Tensor


class Comparison:
    """Images of one optics group, compared with the averages of a mixture.

    Parameters
    ----------
    views
        m images of one optics group.
    now : (m, 2)
        Offsets y, x in pixels about which the search looks.
    mixture, grid
        The model, and where it is sampled.
    """

    def __init__(self, views: Views, now: torch.Tensor, mixture: Mixture, grid: PolarGrid) -> None:
        samples = views.samples
        if bool(now.any()):
            samples = grid.moved(samples, grid.phases(-now))
        self._views, self._now, self._mixture, self._grid = views, now, mixture, grid
        self._group = int(views.groups[0])
        self._noise = mixture.noise[self._group]
        spectra = torch.fft.rfft(samples / self._noise[:, None])
        self._spectra = spectra.permute(2, 0, 1).contiguous()

    def fit(self, search: Search, known: Templates) -> tuple[Statistics, Poses]:
        """Compare all images with all classes."""
        rows = self._candidates(search, known)
        weights = self._mixture.weights.log()
        evidence = torch.full((len(self._now), self._mixture.classes + 1), -torch.inf)
        evidence[:, -1] = weights[-1]
        likelihoods = []
        for number, own in enumerate(rows):
            values = self._log_likelihood(number, own, search, known) + weights[number]
            evidence[own, number] = torch.logsumexp(values.flatten(1), dim=1)
            likelihoods.append(values)
        total = torch.logsumexp(evidence, dim=1)
        posterior = torch.exp(evidence - total[:, None])
        poses = self._poses(rows, likelihoods, posterior, total, search)
        return self._add_up(rows, likelihoods, posterior, total, search, known), poses

    def _candidates(self, search: Search, known: Templates) -> list[torch.Tensor]:
        """Give for each class the images that are compared with it."""
        classes, everyone = self._mixture.classes, torch.arange(len(self._now))
        if classes <= search.finely:
            return [everyone] * classes
        coarse = search.coarse()
        fit = torch.stack([
            torch.logsumexp(self._log_likelihood(n, everyone, coarse, known).flatten(1), dim=1)
            for n in range(classes)
        ])  # fmt: skip
        best = fit.topk(search.finely, dim=0).indices
        return [(best == number).any(0).nonzero()[:, 0] for number in range(classes)]

    def _log_likelihood(
        self, number: int, rows: torch.Tensor, search: Search, known: Templates
    ) -> torch.Tensor:
        """(k, offsets, turns) of one class, with the prior of the offsets, the turns being even."""
        if not len(rows):
            return torch.zeros(0, len(search.offsets), search.turns)
        rings, last = search.rings, search.turns // 2
        weight = self._grid.sample_areas[:rings] / self._noise[:rings]
        spectra = self._of(rows)[:last, :, :rings]
        products = torch.bmm(spectra, known.spectra[number, :last, :rings])
        sums = torch.fft.irfft(products.permute(1, 2, 0), n=search.turns)
        energy = self._views.transfer[rows, :rings] @ (weight * known.powers[number, :rings])
        scale = search.turns / self._grid.turns
        spread = 2 * self._mixture.offset_sd**2
        constant = _prior_of_offset(search, spread) - math.log(search.turns)
        now = self._now[rows]
        from_centre = now.square().sum(1) / spread + 0.5 * self._grid.turns * energy
        moved = search.offsets.square().sum(1)[:, None].expand(-1, search.turns) / spread
        if bool(now.any()):
            across = torch.tensordot(now, search.turned_offsets(), dims=([1], [2]))
            moved = moved + 2 * across / spread
        fits: torch.Tensor = sums * scale + (constant - from_centre)[:, None, None] - moved
        return fits

    def _of(self, rows: torch.Tensor) -> torch.Tensor:
        """Give the spectra of some images; rows rise, so that all of them are in their order."""
        spectra: torch.Tensor = self._spectra
        return spectra if len(rows) == len(self._now) else spectra[:, rows]

    def _add_up(
        self,
        rows: list[torch.Tensor],
        likelihoods: list[torch.Tensor],
        posterior: torch.Tensor,
        total: torch.Tensor,
        search: Search,
        known: Templates,
    ) -> Statistics:
        grid, classes = self._grid, self._mixture.classes
        sums = torch.zeros(
            classes, len(search.offsets), grid.turns // 2 + 1, grid.rings, dtype=torch.complex64
        )
        turned = search.turned_offsets()
        squares = torch.zeros(())
        for number, (own, values) in enumerate(zip(rows, likelihoods, strict=True)):
            matters = posterior[own, number] > NEGLIGIBLE
            if not matters.any():
                continue
            mine = own[matters]
            parts = torch.exp(values[matters] - total[mine, None, None])
            weights = _along_rings(parts, grid.turns // 2 + 1).permute(2, 1, 0)
            sums[number] = torch.bmm(weights, self._of(mine)).permute(1, 0, 2)
            squares = squares + _squares(parts, self._now[mine], search.offsets, turned)
        samples = torch.fft.irfft(sums.transpose(-1, -2), n=grid.turns)
        signal = grid.moved(samples, grid.phases(-search.offsets)).sum(1)
        inside = posterior[:, :-1].T
        averages = self._mixture.averages[:, : search.rings]
        residual = self._views.power.sum(0)
        explained = (signal[:, : search.rings] * averages).mean(-1).sum(0)
        modelled = (self._views.transfer[:, : search.rings] * (inside.T @ known.powers)).sum(0)
        residual[: search.rings] += modelled - 2 * self._noise[: search.rings] * explained
        groups = len(self._mixture.noise)
        of_group = torch.zeros(groups, grid.rings)
        of_group[self._group] = residual
        members = torch.zeros(groups)
        members[self._group] = len(self._now)
        return Statistics(
            signal=signal,
            precision=inside @ (self._views.transfer / self._noise),
            counts=posterior.sum(0),
            residual=of_group,
            members=members,
            offsets=squares,
            log_likelihood=total.sum(),
        )

    def _poses(
        self,
        rows: list[torch.Tensor],
        likelihoods: list[torch.Tensor],
        posterior: torch.Tensor,
        total: torch.Tensor,
        search: Search,
    ) -> Poses:
        certainty, classes = posterior.max(dim=1)
        turns, highest = torch.zeros(len(total)), certainty.clone()
        offsets = self._now.clone()
        turned = search.turned_offsets()
        for number, (own, values) in enumerate(zip(rows, likelihoods, strict=True)):
            chosen = classes[own] == number
            if not chosen.any():
                continue
            mine, fits = own[chosen], values[chosen]
            best = fits.flatten(1).argmax(dim=1)
            place, turn = best // search.turns, best % search.turns
            each = torch.arange(len(mine))
            highest[mine] = torch.exp(fits[each, place, turn] - total[mine])
            turns[mine] = (turn + _between(fits[each, place], turn)) * (360 / search.turns)
            near = torch.softmax(fits[each, :, turn], dim=1)
            offsets[mine] += torch.einsum("ks,skd->kd", near, turned[:, turn])
        return Poses(classes, turns, offsets, highest, certainty, total)


def _prior_of_offset(search: Search, spread: float) -> float:
    """Give the logarithm of the prior of an offset of 0; `spread` is 2 · sd²."""
    if search.cell:
        return math.log(search.cell / (math.pi * spread))
    return -float(torch.logsumexp(-search.offsets.square().sum(1) / spread, dim=0))


def _squares(
    parts: torch.Tensor, now: torch.Tensor, offsets: torch.Tensor, turned: torch.Tensor
) -> torch.Tensor:
    """Add up |now + turned offset|², weighted by parts (k, offsets, turns)."""
    of_offset = parts.sum(-1)
    across = (torch.tensordot(parts, turned, dims=2) * now).sum()
    own = (of_offset.sum(1) * now.square().sum(1)).sum()
    total: torch.Tensor = own + 2 * across + (of_offset @ offsets.square().sum(1)).sum()
    return total


def _along_rings(posterior: torch.Tensor, frequencies: int) -> torch.Tensor:
    """Give the factors (…, frequencies) that turn spectra back by a posterior over turns (…, t).

    The transform of t weights repeats itself after t frequencies.
    """
    turns = posterior.shape[-1]
    spectrum: torch.Tensor = torch.fft.fft(posterior).conj()
    if frequencies > turns:
        spectrum = torch.cat([spectrum] * math.ceil(frequencies / turns), dim=-1)
    return spectrum[..., :frequencies]


def _between(fits: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
    """Give where, in steps from the best of fits (k, t) on a circle, a parabola has its top."""
    each, turns = torch.arange(len(best)), fits.shape[1]
    before, here = fits[each, (best - 1) % turns], fits[each, best]
    after = fits[each, (best + 1) % turns]
    bend = (2 * here - before - after).clamp(min=1e-6)
    return ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
