"""Pairs of noisy and clean particle images, made on the fly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from ..errors import IceblockError
from ..noise.source import NoiseSource
from ..signal.ctf import CtfParameters, ctf_images
from .ctf_rows import CtfSource, RandomCtf
from .projection import (
    VolumeTransform,
    crop_centre,
    random_angles,
    rotation_matrices,
    shift_spectra,
    to_images,
)
from .superposition import superimpose, support, widen, windows


@dataclass(frozen=True)
class PairSettings:
    """What the simulated particles look like."""

    snr_range: tuple[float, float] = (0.01, 2.0)
    """Signal variance inside the particle mask over noise variance, drawn log-uniformly."""
    defocus_range: tuple[float, float] = (5000.0, 35000.0)
    """Å, drawn uniformly."""
    ctf_fraction: float = 1.0
    """Part of the images that a CTF is applied to."""
    shift_sd: float = 6.0
    """Standard deviation of the particle's offset from the box centre along each axis, Å."""
    neighbour_rate: float = 0.6
    """Mean number of neighbours of the same kind about a particle."""
    mask_margin: float = 0.0
    """Å about the particle that belong to its mask, inside which the SNR holds."""
    group: int = 8
    """Images in a row that show the same volume."""

    def __post_init__(self) -> None:
        low, high = self.snr_range
        if not 0 < low <= high < np.inf:
            raise IceblockError(f"SNR range {self.snr_range} must be two rising positive numbers.")
        low, high = self.defocus_range
        if not -np.inf < low <= high < np.inf:
            raise IceblockError(f"Defocus range {self.defocus_range} must be two rising numbers.")
        if not 0 <= self.ctf_fraction <= 1:
            raise IceblockError("The part of images with a CTF must lie between 0 and 1.")
        if not all(0 <= n < np.inf for n in (self.shift_sd, self.neighbour_rate, self.mask_margin)):
            raise IceblockError(
                "The shifts' sd, the number of neighbours and the mask's margin cannot be below 0."
            )
        if self.group < 1:
            raise IceblockError("At least one image in a row shows the same volume.")


@dataclass(frozen=True)
class _Particles:
    """A batch of n simulated particles."""

    clean: torch.Tensor
    """(n, box, box): what a perfect denoiser would return, CTF included."""
    mask: torch.Tensor
    """(n, box, box) bool: the particle's support."""
    snr: torch.Tensor
    """(n,) float32."""
    angles: npt.NDArray[np.float64]
    """(n, 3) rot, tilt, psi in degrees."""
    shifts: npt.NDArray[np.float64]
    """(n, 2) offset of the particle along y and x, pixels."""
    ctf: CtfParameters
    """n of them."""
    volume: npt.NDArray[np.int64]
    """(n,) which volume."""
    pixel_size: npt.NDArray[np.float64]
    """(n,) Å."""


@dataclass(frozen=True)
class Pairs(_Particles):
    """With noise, in RELION's normalisation (background mean 0, sd 1)."""

    noisy: torch.Tensor
    """(n, box, box) float32."""


@dataclass(frozen=True)
class _Scene(_Particles):
    """Without noise."""

    crowd: torch.Tensor
    """(n, box, box): the neighbours."""


class PairGenerator:
    """Draws pairs from volumes and noise; the same seeds give the same pairs.

    Parameters
    ----------
    volumes
        Transforms on the device that pairs are wanted on.
    noise
        Source of noise with sd 1.
    settings
        Ranges.
    ctf
        Where CTF parameters come from, for example a user's particles; by default `random_ctf`
        with the settings' defocus range.
    """

    def __init__(
        self,
        volumes: Sequence[VolumeTransform],
        noise: NoiseSource,
        settings: PairSettings,
        ctf: CtfSource | None = None,
    ) -> None:
        if not volumes:
            raise IceblockError("Pairs need at least one volume: give a map or an atomic model.")
        self.volumes = list(volumes)
        self.noise = noise
        self.settings = settings
        self.ctf = ctf or RandomCtf(settings.defocus_range)

    def draw(self, n: int, box: int, rng: np.random.Generator, generator: torch.Generator) -> Pairs:
        """Draw n pairs of a box size.

        Parameters
        ----------
        n, box
            Number of pairs; even box in pixels.
        rng
            Decides volumes, poses, shifts, CTFs, SNR.
        generator
            Decides the noise; on the volumes' device.
        """
        scene = self._scene(n, box, rng)
        return self._observe(scene, generator)

    def _scene(self, n: int, box: int, rng: np.random.Generator) -> _Scene:
        """Everything but the noise."""
        fitting = [i for i, v in enumerate(self.volumes) if v.diameter <= 0.9 * box * v.pixel_size]
        if not fitting:
            raise IceblockError(f"No volume fits a box of {box} pixels: use a larger box.")
        groups = -(-n // self.settings.group)
        chosen = np.repeat(rng.choice(fitting, groups), self.settings.group)[:n]
        angles = random_angles(rng, n)
        sizes = np.array([self.volumes[i].pixel_size for i in chosen])
        shifts = rng.normal(0, self.settings.shift_sd, (n, 2)) / sizes[:, None]
        ctf = self.ctf.draw(rng, n)
        with_ctf = rng.uniform(size=n) < self.settings.ctf_fraction
        low, high = np.log(self.settings.snr_range)
        snr = torch.as_tensor(np.exp(rng.uniform(low, high, n)), dtype=torch.float32)
        parts = [
            self._particles(int(v), box, (angles[r], shifts[r]), ctf.take(r), with_ctf[r], rng)
            for v, r in _runs(chosen)
        ]
        clean, mask, crowd = (torch.cat(p) for p in zip(*parts, strict=True))
        return _Scene(clean, mask, snr, angles, shifts, ctf, chosen, sizes, crowd)

    def _observe(self, scene: _Scene, generator: torch.Generator) -> Pairs:
        """Put the particles into noise."""
        n, box = len(scene.clean), scene.clean.shape[-1]
        noise = self.noise.draw(n, box, generator).to(scene.clean.device)
        snr = scene.snr.to(scene.clean.device)
        noisy, clean = superimpose(scene.clean, scene.mask, scene.crowd, noise, snr)
        return Pairs(
            clean, scene.mask, scene.snr, scene.angles, scene.shifts, scene.ctf, scene.volume,
            scene.pixel_size, noisy,
        )  # fmt: skip

    def _particles(
        self,
        index: int,
        box: int,
        poses: tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]],
        ctf: CtfParameters,
        with_ctf: npt.NDArray[np.bool_],
        rng: np.random.Generator,
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Clean particles, their masks, and the neighbours that crowd their boxes."""
        volume = self.volumes[index]
        angles, shifts = poses
        n = len(angles)
        bare = volume.slices(rotation_matrices(angles))
        moved = shift_spectra(
            bare, torch.as_tensor(shifts, dtype=torch.float32, device=bare.device)
        )
        factor = ctf_images(ctf, volume.pixel_size, volume.padded_box, bare.device)
        flags = torch.as_tensor(with_ctf, device=bare.device)[:, None, None]
        factor = torch.where(flags, factor, torch.ones_like(factor))
        clean = crop_centre(to_images(moved * factor), box)
        mask = support(crop_centre(to_images(moved), box))
        mask = widen(mask, round(self.settings.mask_margin / volume.pixel_size))
        crowd = torch.zeros_like(clean)
        count = rng.poisson(self.settings.neighbour_rate, n)
        rows = np.repeat(np.arange(n), count)
        if len(rows):
            other = volume.slices(rotation_matrices(random_angles(rng, len(rows))))
            images = to_images(other * factor[torch.as_tensor(rows)])
            distance = rng.uniform(0.9, 1.7, len(rows)) * volume.diameter / volume.pixel_size
            direction = rng.uniform(0, 2 * np.pi, len(rows))
            places = np.stack([np.sin(direction), np.cos(direction)], axis=1)
            places = np.rint(places * distance[:, None]).astype(np.int64)
            seen = windows(images, box, torch.as_tensor(places, device=images.device))
            crowd.index_add_(0, torch.as_tensor(rows, device=crowd.device), seen)
        return clean, mask, crowd


def _runs(
    values: npt.NDArray[np.int64],
) -> list[tuple[np.int64, npt.NDArray[np.int64]]]:
    """Split into runs of equal neighbours: (value, rows)."""
    edges = np.flatnonzero(np.diff(values)) + 1
    return [(values[r[0]], r) for r in np.split(np.arange(len(values)), edges)]
