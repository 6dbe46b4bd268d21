"""Where images fit best: class, turn and offset."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .posterior import Posterior
from .search import Search


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


def best_poses(found: Posterior, search: Search) -> Poses:
    """Read off the most likely poses."""
    pairs = found.pairs
    certainty, classes = found.classes.max(dim=1)
    turns, highest, offsets = torch.zeros_like(certainty), certainty.clone(), found.now.clone()
    own = (pairs.classes == classes[pairs.images]).nonzero()[:, 0]
    images, fits = pairs.images[own], found.parts[:, :, own]
    count, each = fits.shape[1], torch.arange(len(own))
    best = fits.flatten(0, 1).argmax(dim=0)
    turn, place = best // count, best % count
    highest[images] = fits[turn, place, each]
    turns[images] = (turn + _between(fits[:, place, each], turn)) * (360 / search.turns)
    near = fits[turn, :, each]  # (k, offsets)
    mean = (near / near.sum(1, keepdim=True)) @ search.offsets
    offsets[images] += search.turned(mean, turn)
    return Poses(classes, turns, offsets, highest, certainty, found.log_likelihood)


def _between(likelihoods: torch.Tensor, best: torch.Tensor) -> torch.Tensor:
    """Give where, in steps from the best of likelihoods (t, k) on a circle, their top lies.

    A parabola is laid through the logarithms of three of them.
    """
    each, turns = torch.arange(len(best)), len(likelihoods)
    before, here, after = (
        likelihoods[(best + step) % turns, each].clamp(min=1e-30).log() for step in (-1, 0, 1)
    )
    bend = (2 * here - before - after).clamp(min=1e-6)
    return ((after - before) / (2 * bend)).clamp(-0.5, 0.5)
