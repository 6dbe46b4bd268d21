"""Where every image belongs: its posterior over class, turn and offset, and what that adds up to.

An image is y = CTF · (turned and moved class average a) + noise of power P. Its log-likelihood,
over that of noise alone, is the sum of (Re y conj(CTF a) - |CTF a|² / 2) / P over Fourier pixels.
For all turns at once this is a product of Fourier coefficients along the rings.
"""

from __future__ import annotations

import math

import torch

from .adding_up import averaged, with_offsets
from .mixture import Mixture, Statistics
from .pairs import MOST_CLASSES, Pairs, every_pair, pairs_where
from .polar import PolarGrid
from .posterior import NOTHING, Posterior
from .search import Search, Templates, to_turns
from .views import Views


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
        self._views, self._now, self._mixture, self._grid = views, now, mixture, grid
        self._group = int(views.groups[0])
        self._noise = mixture.noise[self._group]

    def fit(self, search: Search, known: Templates) -> Posterior:
        """Compare all images with all classes."""
        spectra = self.spectra(search)
        pairs = self._pairs(spectra, search, known)
        parts = self.log_likelihood(spectra, pairs, search, known)
        top = parts.amax((0, 1))
        parts.sub_(top).clamp_(min=NOTHING).exp_()
        of_pair = top + parts.sum((0, 1)).log() + self._mixture.weights.log()[pairs.classes]
        evidence = torch.full((len(self._now), self._mixture.classes + 1), -torch.inf)
        evidence[:, -1] = self._mixture.weights[-1].log()
        evidence[pairs.images, pairs.classes] = of_pair
        total = torch.logsumexp(evidence, dim=1)
        posterior = torch.exp(evidence - total[:, None])
        weight = self._mixture.weights[pairs.classes]
        parts *= torch.exp(top - total[pairs.images]) * weight
        return Posterior(spectra, self._now, pairs, parts, posterior, total)

    def spectra(self, search: Search) -> torch.Tensor:
        """(frequencies, m, 2 · rings) of the images over the noise, moved back by `now`."""
        rings = search.learned_rings(self._grid)
        samples = self._views.samples[:, :rings]
        if bool(self._now.any()):
            samples = self._grid.moved(samples, self._grid.phases(-self._now)[:, :rings])
        spectra = torch.fft.rfft(samples / self._noise[:rings, None])
        spectra = spectra[..., : search.learned_frequencies(self._grid)].permute(2, 0, 1)
        return torch.view_as_real(spectra.contiguous()).flatten(-2)

    def _pairs(self, spectra: torch.Tensor, search: Search, known: Templates) -> Pairs:
        """Choose the classes that each image is compared with on all rings."""
        images, classes = len(self._now), self._mixture.classes
        if classes <= search.finely:
            return every_pair(images, range(classes))
        coarse = search.coarse()
        fits = []
        for first in range(0, classes, MOST_CLASSES):
            some = every_pair(images, range(first, min(first + MOST_CLASSES, classes)))
            values = self.log_likelihood(spectra, some, coarse, known)
            fits.append(torch.logsumexp(values.flatten(0, 1), dim=0))
        best = torch.cat(fits).reshape(classes, images).topk(search.finely, dim=0).indices
        nothing = torch.zeros(classes, images, dtype=torch.bool)
        return pairs_where(nothing.scatter_(0, best, True))

    def log_likelihood(
        self, spectra: torch.Tensor, pairs: Pairs, search: Search, known: Templates
    ) -> torch.Tensor:
        """Give it with the prior of the offsets, the turns being even: (turns, offsets, pairs)."""
        half, width = min(search.turns // 2, len(spectra)), 2 * search.rings
        count = len(search.offsets)
        sums = torch.empty(2, half, count, len(pairs))
        for block in pairs.blocks:
            own = block.of(spectra[:half, :, :width]).transpose(1, 2)
            for part in (0, 1):
                average = known.parts[part, :half, :, block.classes, :width].flatten(1, 2)
                product = torch.bmm(average, own)
                sums[part, :, :, block.place] = product.reshape(half, count, -1)
        self._add_priors(sums, pairs, search, known)
        matrix = to_turns(search.turns, half, self._grid.turns)
        return (matrix @ sums.reshape(2 * half, -1)).reshape(search.turns, count, -1)

    def _add_priors(
        self, sums: torch.Tensor, pairs: Pairs, search: Search, known: Templates
    ) -> None:
        """Add what no turn changes to frequency 0, and what goes with its cosine to frequency 1.

        That is the energy of the averages, and the square of the whole offset: now + turned.
        """
        rings, turns, spread = search.rings, self._grid.turns, 2 * self._mixture.offset_sd**2
        weight = self._grid.sample_areas[:rings] / self._noise[:rings]
        energy = self._views.transfer[:, :rings] @ (weight * known.powers[:, :rings]).T
        of_image = self._now.square().sum(1) / spread
        of_pair = 0.5 * turns * energy[pairs.images, pairs.classes] + of_image[pairs.images]
        of_offset = search.offsets.square().sum(1)[:, None] / spread
        constant = _prior_of_offset(search, spread) - math.log(search.turns)
        sums[0, 0] += turns * (constant - of_pair - of_offset)
        if bool(self._now.any()):
            along, across = with_offsets(self._now[pairs.images], search.offsets)
            sums[0, 1] -= turns / spread * along
            sums[1, 1] += turns / spread * across

    def add_up(self, found: Posterior, search: Search, known: Templates) -> Statistics:
        """Give the sums of which the next mixture is made."""
        rings, grid = search.rings, self._grid
        signal, squares = averaged(found.that_matters(), search, grid)
        inside = found.classes[:, :-1].T
        residual = self._views.power.sum(0)
        explained = (signal[:, :rings] * self._mixture.averages[:, :rings]).mean(-1).sum(0)
        modelled = (self._views.transfer[:, :rings] * (inside.T @ known.powers)).sum(0)
        residual[:rings] += modelled - 2 * self._noise[:rings] * explained
        groups = len(self._mixture.noise)
        of_group, members = torch.zeros(groups, grid.rings), torch.zeros(groups)
        of_group[self._group] = residual
        members[self._group] = len(self._now)
        return Statistics(
            signal=signal,
            precision=inside @ (self._views.transfer / self._noise),
            counts=found.classes.sum(0),
            residual=of_group,
            members=members,
            offsets=squares,
            log_likelihood=found.log_likelihood.sum(),
        )


def _prior_of_offset(search: Search, spread: float) -> float:
    """Give the logarithm of the prior of an offset of 0; `spread` is 2 · sd²."""
    if search.cell:
        return math.log(search.cell / (math.pi * spread))
    return -float(torch.logsumexp(-search.offsets.square().sum(1) / spread, dim=0))
