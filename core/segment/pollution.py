"""Pollution painted into micrographs: what to avoid is learnt without anybody's masks.

Each painter takes a coarse grid and a source of randomness and returns a relief (h, w) in units
of the micrograph's own noise, dark is negative as more scattering is, with the mask (h, w) of what
a person would paint over.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter

from .grid import PARTICLE

Float = npt.NDArray[np.float32]
Painted: TypeAlias = tuple[Float, npt.NDArray[np.bool_]]
Painter: TypeAlias = Callable[[tuple[int, int], np.random.Generator], Painted]


def texture(grid: tuple[int, int], sigma: float, rng: np.random.Generator) -> Float:
    """Gaussian noise smoothed over `sigma` pixels, with sd 1."""
    field = gaussian_filter(rng.standard_normal(grid, dtype=np.float32), sigma, mode="wrap")
    return np.asarray((field - field.mean()) / max(float(field.std()), 1e-6), dtype=np.float32)


def _distance(grid: tuple[int, int], y: float, x: float) -> Float:
    yy, xx = np.ogrid[: grid[0], : grid[1]]
    return np.hypot(yy - y, xx - x).astype(np.float32)


def _fringe(depth: Float, width: float) -> Float:
    """Bright Fresnel fringe that defocus draws around whatever is thick, at `width` pixels."""
    return np.asarray(gaussian_filter(depth, width) - gaussian_filter(depth, 2 * width))


def blobs(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Ethane and ice: smooth lumps, from a particle's size to most of the micrograph's."""
    thickness = np.zeros(grid, dtype=np.float32)
    big = rng.random() < 0.25
    for _ in range(1 if big else int(rng.integers(1, 7))):
        radius = rng.uniform(60, 160) if big else PARTICLE * np.exp(rng.uniform(-0.7, 1.3))
        y, x = rng.uniform(-0.1, 1.1, 2) * grid
        # A ragged outline: the radius wobbles with the direction.
        yy, xx = np.ogrid[: grid[0], : grid[1]]
        angle = np.arctan2(yy - y, xx - x)
        wobble = sum(
            rng.normal(0, 0.12 / k) * np.cos(k * angle + rng.uniform(0, 6.3)) for k in (2, 3, 4, 5)
        )
        inside = np.clip(1 - (_distance(grid, y, x) / (radius * (1 + wobble))) ** 2, 0, None)
        # From a hemisphere (1/2) to a flat-topped slab.
        lump = inside ** rng.uniform(0.12, 0.6) * np.exp(rng.uniform(-0.3, 0.3))
        thickness = np.maximum(thickness, lump.astype(np.float32))
    mask = thickness > 0.05
    depth = np.exp(rng.uniform(np.log(1.2), np.log(40.0 if big else 12.0)))
    streaks = 1 + rng.uniform(0, 0.35) * texture(grid, rng.uniform(1, 6), rng)
    relief = -depth * thickness * streaks
    relief = relief - rng.uniform(0, 1.5) * _fringe(relief, rng.uniform(0.7, 2))
    return relief.astype(np.float32), mask


def carbon(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Support film: one side of a wide arc, darker, grainier, with a line along its edge."""
    h, w = grid
    yy, xx = np.ogrid[:h, :w]
    direction = rng.uniform(0, 2 * np.pi)
    radius = np.exp(rng.uniform(np.log(0.5), np.log(6))) * max(grid)
    reach = rng.uniform(-0.1, 0.45) * max(grid)  # how far the edge lies from the middle
    cy = h / 2 + np.sin(direction) * (reach + radius)
    cx = w / 2 + np.cos(direction) * (reach + radius)
    wobble = texture(grid, rng.uniform(6, 25), rng) * rng.uniform(0, 4)
    # The film is outside of a hole, or (a piece of it) inside of an arc.
    signed = np.hypot(yy - cy, xx - cx) - radius + wobble
    signed = signed if rng.random() < 0.5 else -signed
    soft = 1 / (1 + np.exp(-np.clip(signed / rng.uniform(0.4, 2), -30, 30)))
    grain = texture(grid, rng.uniform(0.3, 1.6), rng) * np.exp(rng.uniform(np.log(0.5), np.log(4)))
    clumps = texture(grid, rng.uniform(2, 12), rng) * rng.uniform(0, 2)
    depth = np.exp(rng.uniform(np.log(0.3), np.log(30)))
    line = np.exp(-((signed / rng.uniform(1, 3)) ** 2)) * rng.uniform(0, 1.2) * (depth + 2)
    relief = (-depth + grain + clumps) * soft - line
    relief = relief - rng.uniform(0, 1) * _fringe(relief.astype(np.float32), 1.5)
    return relief.astype(np.float32), np.asarray(signed > -2)


def crystals(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Crystalline ice: strong mottling, bright and dark, over a region or everywhere."""
    size = np.exp(rng.uniform(np.log(2), np.log(10)))
    mottle = texture(grid, size, rng) + 0.6 * texture(grid, size / 2.5, rng)
    # Diffraction contrast is heavy-tailed: few grains lie near a zone axis.
    mottle = np.sign(mottle) * np.abs(mottle) ** rng.uniform(1, 2)
    mask = np.ones(grid, dtype=bool)
    if rng.random() < 0.7:
        field = texture(grid, rng.uniform(15, 60), rng)
        mask = field > np.quantile(field, rng.uniform(0.3, 0.85))
    soft = gaussian_filter(mask.astype(np.float32), 2.5)
    amplitude = rng.uniform(1.2, 5)
    return (amplitude * mottle * soft).astype(np.float32), mask


def aggregates(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Clumped protein: chains and heaps of lumps near a particle's size, too dark to be single."""
    density = np.zeros(grid, dtype=np.float32)
    for _ in range(int(rng.integers(1, 4))):
        place = rng.uniform(0, 1, 2) * grid
        heading = rng.uniform(0, 2 * np.pi)
        size = rng.uniform(0.25, 0.7) * PARTICLE
        for _ in range(int(rng.integers(6, 40))):
            lump = np.exp(-((_distance(grid, *place) / (0.6 * size)) ** 2))
            density += lump * np.float32(rng.uniform(0.6, 1.4))
            heading += rng.normal(0, 0.9)
            place = place + size * np.array([np.sin(heading), np.cos(heading)])
    mask = density > 0.35
    depth = rng.uniform(1.5, 6)
    relief = -depth * np.minimum(density, 2.5) * (1 + 0.3 * texture(grid, 1.5, rng))
    return relief.astype(np.float32), mask


def dirt(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Small dark grains and flakes, black against any ice."""
    relief = np.zeros(grid, dtype=np.float32)
    mask = np.zeros(grid, dtype=bool)
    for _ in range(int(rng.integers(1, 12))):
        y, x = rng.uniform(0, 1, 2) * grid
        radius = rng.uniform(0.12, 0.8) * PARTICLE
        yy, xx = np.ogrid[: grid[0], : grid[1]]
        turn = rng.uniform(0, np.pi)
        along = (yy - y) * np.sin(turn) + (xx - x) * np.cos(turn)
        across = (yy - y) * np.cos(turn) - (xx - x) * np.sin(turn)
        far = np.hypot(along / radius, across / (radius * rng.uniform(0.4, 1)))
        grain = 1 / (1 + np.exp(np.clip((far - 1) * radius / rng.uniform(0.4, 1.2), -30, 30)))
        relief -= (np.exp(rng.uniform(np.log(3), np.log(30))) * grain).astype(np.float32)
        mask |= far < 1.15
    return relief - np.float32(rng.uniform(0, 1.5)) * _fringe(relief, 1.0), mask


def cracks(grid: tuple[int, int], rng: np.random.Generator) -> Painted:
    """Cracks and folds: a crooked line, dark or bright, with the opposite tone beside it."""
    h, w = grid
    yy, xx = np.ogrid[:h, :w]
    turn = rng.uniform(0, np.pi)
    across = (yy - rng.uniform(0, h)) * np.cos(turn) - (xx - rng.uniform(0, w)) * np.sin(turn)
    across = across + texture(grid, rng.uniform(5, 30), rng) * rng.uniform(1, 8)
    width = rng.uniform(1, 5)
    depth = rng.uniform(2, 12) * rng.choice([-1, -1, 1])
    line = np.exp(-((across / width) ** 2)) - 0.4 * np.exp(-((across / (2.5 * width)) ** 2))
    return (depth * line).astype(np.float32), np.asarray(np.abs(across) < 1.5 * width + 1)


PAINTERS: dict[str, Painter] = {
    "blobs": blobs,
    "carbon": carbon,
    "crystals": crystals,
    "aggregates": aggregates,
    "dirt": dirt,
    "cracks": cracks,
}
_WEIGHTS = np.array([0.26, 0.26, 0.14, 0.12, 0.16, 0.06])


def paint(
    coarse: Float, noise_sd: float, rng: np.random.Generator
) -> tuple[Float, npt.NDArray[np.bool_]]:
    """Paint one or two kinds of pollution into a coarse micrograph.

    Parameters
    ----------
    coarse : (h, w)
        Particles dark.
    noise_sd
        Of the micrograph's ice, in its grey values.
    rng
        Decides what and where.

    Returns
    -------
    painted : (h, w)
    mask : (h, w)
        What was painted over.
    """
    mask = np.zeros(coarse.shape, dtype=bool)
    painted = coarse.copy()
    shape = (coarse.shape[0], coarse.shape[1])
    names = rng.choice(list(PAINTERS), int(rng.integers(1, 3)), replace=False, p=_WEIGHTS)
    for name in names:
        relief, region = PAINTERS[str(name)](shape, rng)
        painted += np.float32(noise_sd) * relief
        mask |= region
    return painted, mask
