"""Training examples: views and labels drawn at random from labelled micrographs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from .grid import LARGEST, PARTICLE, coarse_shape, to_grid, views
from .labels import discs, label_map
from .network import POLLUTION
from .pollution import paint, texture

FINER = 1.5
"""Micrographs are kept this much finer than the network's grid, to be seen at several sizes."""


@dataclass(frozen=True)
class Example:
    """A micrograph at random size and contrast on the network's grid, and its labels."""

    coarse: npt.NDArray[np.float32]
    """(h, w), particles dark."""
    labels: npt.NDArray[np.int8]
    """(h, w); -1 where nobody knows."""


class ExampleSource(Protocol):
    """Anything that gives training examples."""

    def draw(self, rng: np.random.Generator) -> Example:
        """Draw one example."""
        ...


@dataclass(frozen=True)
class LabelledMicrograph:
    """A micrograph with its picks, brought near the network's grid; an `ExampleSource`."""

    pixels: npt.NDArray[np.float32]
    """(h, w)."""
    picks: npt.NDArray[np.float64]
    """(n, 2) y, x in pixels of `pixels`."""
    pollution: npt.NDArray[np.bool_] = field(repr=False)
    """(h, w), painted by the user."""
    particle: float
    """Particle diameter in pixels of `pixels`."""

    @classmethod
    def prepare(
        cls,
        pixels: npt.NDArray[np.float32],
        pixel_size: float,
        particle_diameter: float,
        picks: npt.NDArray[np.float64],
        pollution: npt.NDArray[np.bool_] | None = None,
    ) -> LabelledMicrograph:
        """Bring a micrograph (ny, nx) and picks (n, 2) in its pixels to a finer coarse grid.

        Parameters
        ----------
        pixels, picks
            As `core.images` reads them.
        pixel_size, particle_diameter
            Å.
        pollution : (ny, nx)
            True where a user painted.
        """
        shape = (pixels.shape[0], pixels.shape[1])
        coarse = coarse_shape(shape, pixel_size, particle_diameter)
        finer = (
            min(shape[0], round(coarse[0] * FINER)),
            min(shape[1], round(coarse[1] * FINER)),
        )
        step = np.array(shape) / np.array(finer)
        painted = np.zeros(finer, dtype=bool)
        if pollution is not None:
            painted = to_grid(pollution.astype(np.float32), finer) > 0.5
        return cls(
            pixels=to_grid(pixels, finer),
            picks=(np.asarray(picks, dtype=np.float64).reshape(-1, 2) + 0.5) / step - 0.5,
            pollution=painted,
            particle=particle_diameter / pixel_size / float(step.mean()),
        )

    def draw(self, rng: np.random.Generator) -> Example:
        """Show the micrograph with its particles a little larger or smaller than 16 pixels.

        The discs stay 16 pixels across: a user's diameter is never exact.
        """
        zoom = min(1.0, float(np.exp(rng.uniform(-0.12, 0.12))) * PARTICLE / self.particle)
        shape = (self.pixels.shape[0], self.pixels.shape[1])
        grid = (
            min(LARGEST, max(8, round(shape[0] * zoom))),
            min(LARGEST, max(8, round(shape[1] * zoom))),
        )
        particles = discs(grid, shape, self.picks, PARTICLE / 2 / zoom)
        painted = to_grid(self.pollution.astype(np.float32), grid) > 0.5
        labels = label_map(particles, painted).astype(np.int8)
        if len(self.picks):
            # Particles whose box would cross the border are there, but not among the picks.
            strip = np.ones(grid, dtype=bool)
            strip[PARTICLE:-PARTICLE, PARTICLE:-PARTICLE] = False
            labels[strip & (labels == 0)] = -1
        return Example(to_grid(self.pixels, grid), labels)


def augment(example: Example, size: int, rng: np.random.Generator) -> Example:
    """Turn, crop, shade, add noise and pollution.

    Parameters
    ----------
    example
        What was drawn.
    size
        Largest side of the result; smaller micrographs stay whole.
    rng
        Decides everything.
    """
    coarse, labels = example.coarse, example.labels
    top, left = (int(rng.integers(0, max(0, side - size) + 1)) for side in coarse.shape)
    window = np.s_[top : top + size, left : left + size]
    coarse, labels = coarse[window], labels[window].copy()
    if rng.random() < 0.5:
        coarse, labels = coarse[::-1], labels[::-1]
    turns = int(rng.integers(4))
    coarse, labels = np.rot90(coarse, turns), np.rot90(labels, turns)
    grid = (coarse.shape[0], coarse.shape[1])
    # Differences of distant pixels would hold the shading; those of neighbours hold the noise.
    noise_sd = float(np.median(np.abs(np.diff(coarse, axis=1)))) / 0.954
    noise_sd = max(noise_sd, 1e-6 * float(np.abs(coarse).max()), 1e-12)
    if rng.random() < 0.3:
        grain = texture(grid, rng.uniform(0.0, 0.6), rng)
        coarse = coarse + np.float32(noise_sd * rng.uniform(0.1, 0.8)) * grain
    if rng.random() < 0.5:
        coarse = coarse + np.float32(noise_sd * rng.uniform(0.2, 3)) * _shading(grid, rng)
    if rng.random() < 0.55:
        coarse, mask = paint(coarse.astype(np.float32), noise_sd, rng)
        labels = labels.copy()
        labels[mask] = POLLUTION
    return Example(np.ascontiguousarray(coarse, np.float32), np.ascontiguousarray(labels))


def _shading(grid: tuple[int, int], rng: np.random.Generator) -> npt.NDArray[np.float32]:
    """Thickness of ice that changes slowly: a random quadratic surface."""
    y, x = np.linspace(-1, 1, grid[0])[:, None], np.linspace(-1, 1, grid[1])
    a = rng.normal(0, 1, 5)
    surface = a[0] * y + a[1] * x + a[2] * x * y + a[3] * y * y + a[4] * x * x
    return np.asarray(surface, dtype=np.float32)


def batch(
    sources: Sequence[ExampleSource],
    weights: Sequence[float],
    n: int,
    size: int,
    rng: np.random.Generator,
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Draw a batch of examples of one size.

    Parameters
    ----------
    sources, weights
        Where examples come from and how often.
    n, size
        Number of examples and their sides; smaller ones are filled up with unlabelled border.
    rng
        Decides everything.

    Returns
    -------
    views : (n, 2, size, size) float32
    labels : (n, size, size) int64
        -1 where there is no label.
    """
    chance = np.asarray(weights, dtype=float)
    chosen = rng.choice(len(sources), n, p=chance / chance.sum())
    seen = np.zeros((n, 2, size, size), dtype=np.float32)
    labels = np.full((n, size, size), -1, dtype=np.int64)
    for k, which in enumerate(chosen):
        example = augment(sources[which].draw(rng), size, rng)
        h, w = example.labels.shape
        edges = ((0, 0), (0, size - h), (0, size - w))
        seen[k] = np.pad(views(example.coarse), edges, mode="edge")
        labels[k, :h, :w] = example.labels
    return seen, labels
