"""How pictures that a user knows look in the images of a set: strength, sharpness, noise."""

from __future__ import annotations

import math
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import torch

from ..sets.classes.engine import Engine, Settings
from ..sets.classes.mixture import Mixture, Statistics
from ..sets.classes.polar import EDGE, PolarGrid, polar_grid
from ..sets.classes.search import disc, search_among
from ..sets.covariance.set_prior import SetPrior
from ..sets.templates.known_views import KnownViews
from ..sets.templates.reference import distinct
from ..signal.ctf import CtfParameters
from .class_learning import OFFSETS, PART
from .sampled import Sampled

MOST = 300
"""Images that pictures are fitted to."""
PASSES = 3
"""How often they are compared with them."""
ALIKE = 3.0
"""Likelihood ratio (its logarithm) of two pictures, below which an image takes them for one."""
PIECE = 64
"""Images that one thread works on at a time."""
RINGS, FINELY = 16, 16
"""On which images are compared, and with how many pictures on more than the coarsest rings."""
SHOWN = 1e-3
"""Part of the strongest ring's power from which on a ring of the pictures shows something."""
LEAST_EMPTY = 0.01
"""Part of the images that may show nothing, at the least."""
LEAST_OFFSET_SD = 0.7
"""Pixels."""
LEAST_GAIN = 0.05
"""Part of the former strength that pictures keep in one pass, at the least."""
SHARPENING, SOFTENING = 1000.0, 4000.0
"""Largest B-factors that are taken off the pictures and put on them, Å²."""


def grid_of(box: int) -> PolarGrid:
    """Give the polar grid of a set's images of a box."""
    return polar_grid(box, PART * box / 2 + EDGE)


def how_many_fitted(images: int) -> int:
    """Give how often images are compared with what a user gave."""
    return PASSES * min(MOST, images)


def fitted(images: int) -> torch.Tensor:
    """Choose the images that pictures are fitted to, spread evenly over all."""
    return torch.linspace(0, images - 1, min(MOST, images)).long()


def fit_views(
    raw: torch.Tensor,
    images: torch.Tensor,
    ctf: CtfParameters | None,
    prior: SetPrior,
    pool: Executor | None = None,
    tick: Callable[[int], None] = lambda count: None,
) -> KnownViews:
    """Bring pictures to the strength and the sharpness that they have in the images of a set.

    One factor and one B-factor are found for all of them, first from the spectrum of the set, then
    by expectation-maximisation, as class averages are learned, but with pictures that keep their
    form. Images may also be empty. Pictures that these images cannot tell apart become one.

    Parameters
    ----------
    raw : (k, rings, turns)
        Polar samples on `grid_of` the images, in any units.
    images : (n, b, b)
        As the set's own estimates see them.
    ctf
        n of them; None where the set has none.
    prior
        Of the set.
    pool
        Whose threads share the work; torch has to use one thread in each. The result does not
        depend on their number.
    tick
        Told the number of images after every piece of work.
    """
    grid = grid_of(images.shape[-1])
    rows = fitted(len(images))
    source = Sampled(images, ctf, rows, grid, prior.pixel_size, pool)
    transfer = source.views(torch.arange(len(rows))).transfer.mean(0)
    line = _Line(raw, grid, prior.pixel_size)
    state = _first(raw, transfer, prior, grid, line)
    for _ in range(PASSES):
        kept, shares = _told_apart(raw, transfer, state, grid)
        known = raw[kept] * state.gain[:, None]
        settings = Settings(len(kept), OFFSETS * grid.box, piece=PIECE)
        engine = Engine(source, grid, settings, pool, tick)
        state = _next(_compared(engine, known, shares, state), known, state, grid, line)
    kept, shares = _told_apart(raw, transfer, state, grid)
    return KnownViews(
        views=raw[kept] * state.gain[:, None],
        noise=state.noise,
        box=grid.box,
        pixel_size=prior.pixel_size,
        radius=PART * grid.box / 2 + EDGE,
        offset_sd=state.offset_sd,
        empty=state.empty,
        weights=shares,
    )


@dataclass(frozen=True)
class _State:
    """What is believed: the pictures' gain and the noise (rings,), and how particles lie."""

    gain: torch.Tensor
    noise: torch.Tensor
    offset_sd: float
    empty: float


class _Line:
    """Smooths a gain (rings,) to exp(a - B s² / 4), by the rings on which pictures show something.

    Rings that are not compared say nothing: images are not turned so that they fit there.
    """

    def __init__(self, raw: torch.Tensor, grid: PolarGrid, pixel_size: float) -> None:
        self._squares = (grid.radii.double() / grid.box / pixel_size).square()
        power = raw.square().mean((0, 2)) * grid.radii
        self._shown = (power > SHOWN * power.amax()) & (grid.radii <= RINGS)

    def __call__(self, gain: torch.Tensor, weight: torch.Tensor) -> torch.Tensor:
        weight = (weight.double() * self._shown).clamp(min=1e-30)
        weight = weight / weight.sum()
        logs = gain.double().clamp(min=1e-30).log()
        centre = (weight * self._squares).sum()
        apart = self._squares - centre
        slope = (weight * apart * logs).sum() / (weight * apart.square()).sum()
        slope = slope.clamp(-SOFTENING / 4, SHARPENING / 4)
        smooth: torch.Tensor = ((weight * logs).sum() + slope * apart).exp().float()
        return smooth


def _first(
    raw: torch.Tensor, transfer: torch.Tensor, prior: SetPrior, grid: PolarGrid, line: _Line
) -> _State:
    """Begin with the power of the set's clean images, as its covariance has it."""
    noise = prior.noise[grid.radii.long()] * grid.box**2
    power = grid.sample(prior.components).square().sum(0).mean(-1)
    gain = (power / raw.square().mean((0, 2)).clamp(min=1e-30)).sqrt()
    return _State(
        gain=line(gain, grid.radii * (transfer * power / noise).clamp(max=1)),
        noise=noise,
        offset_sd=OFFSETS * grid.box / 2,
        empty=0.1,
    )


def _told_apart(
    raw: torch.Tensor, transfer: torch.Tensor, state: _State, grid: PolarGrid
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give which pictures stay, and the share of each; see `distinct`."""
    weight = grid.sample_areas * transfer / (2 * state.noise)
    return distinct(raw * state.gain[:, None], weight, ALIKE)


def _compared(
    engine: Engine, known: torch.Tensor, shares: torch.Tensor, state: _State
) -> Statistics:
    """Compare all images with the pictures."""
    weights = torch.cat([shares * (1 - state.empty), torch.tensor([state.empty])])
    mixture = Mixture(known, weights, state.noise[None], state.offset_sd)
    offsets = disc(max(2.0, 2.2 * state.offset_sd), 2.0)
    search = search_among(known[:, :RINGS], state.noise, offsets, FINELY)
    rows = torch.arange(engine.images)
    return engine.run(mixture, search, rows, torch.zeros(len(rows), 2))


def _next(
    seen: Statistics, known: torch.Tensor, state: _State, grid: PolarGrid, line: _Line
) -> _State:
    """Give what fits best to what images added up to."""
    found = (seen.signal * known).sum((0, 2))
    expected = (seen.precision * known.square().sum(-1)).sum(0)
    ratio = (found / expected.clamp(min=1e-30)).clamp(min=LEAST_GAIN)
    members, inside = float(seen.members.sum()), float(seen.counts[:-1].sum())
    noise = seen.residual.sum(0) / members / grid.mask_power
    spread = math.sqrt(float(seen.offsets) / max(inside, 1.0) / 2)
    return _State(
        gain=line(state.gain * ratio, expected),
        noise=torch.where(noise > 0, noise, state.noise),
        offset_sd=min(max(spread, LEAST_OFFSET_SD), OFFSETS * grid.box),
        empty=max(LEAST_EMPTY, 1 - (inside + 0.5) / (members + 1)),
    )
