"""What the hallucination gate is made of: trials and verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import numpy as np
import torch

from ..noise.source import NoiseSource
from ..signal.ctf import CtfParameters
from ..simulate.ctf_rows import CtfSource
from ..simulate.pairs import PairGenerator, Pairs, PairSettings
from ..simulate.projection import VolumeTransform

Method = Callable[[torch.Tensor], torch.Tensor]
"""Images (n, box, box) with background mean 0 and sd 1 in, denoised ones in the same units out."""
DEFOCUS = 15000.0
"""Å, of all particles of the gate, so that projections are compared under one CTF."""


@dataclass(frozen=True)
class Trial:
    """What a method is tried on."""

    seen: Sequence[VolumeTransform]
    """Structures that the method was trained on, or knows of."""
    unseen: Sequence[VolumeTransform]
    """Structures that it never saw."""
    noise: NoiseSource
    box: int
    """Pixels."""
    pixel_size: float
    """Å."""
    noise_images: int = 1000
    """Pictures of noise that are aligned and averaged."""
    particles: int = 96
    """Simulated particles in each of the other checks."""
    seed: int = 0

    def pairs(
        self,
        volumes: Sequence[VolumeTransform],
        snr: float,
        salt: int,
        ctf: CtfSource | None = None,
    ) -> Pairs:
        """Draw centred particles at one SNR, without neighbours; at one defocus without CTFs."""
        settings = PairSettings((snr, snr), shift_sd=0.0, neighbour_rate=0.0, group=1)
        generator = PairGenerator(volumes, self.noise, settings, ctf or OneCtf())
        return generator.draw(self.particles, self.box, self.random(salt), self.generator(salt))

    def random(self, salt: int) -> np.random.Generator:
        """Give a source of numbers; another for another salt."""
        return np.random.default_rng((self.seed, salt))

    def pure_noise(self) -> torch.Tensor:
        """Draw pictures of noise (n, box, box) with mean square 1."""
        raw = self.noise.draw(self.noise_images, self.box, self.generator(1))
        return raw / raw.std(dim=(1, 2), keepdim=True, correction=0)

    def generator(self, salt: int) -> torch.Generator:
        """Give a source of randomness; another for another salt."""
        return torch.Generator().manual_seed(1000 * self.seed + salt)


class OneCtf:
    """The CTF of a 300 kV microscope at `DEFOCUS` for every particle."""

    defocus_range = (DEFOCUS, DEFOCUS)

    def draw(self, rng: np.random.Generator, n: int) -> CtfParameters:
        """Give the same parameters n times."""
        values = (DEFOCUS, DEFOCUS, 0.0, 300.0, 2.7, 0.1, 0.0)
        return CtfParameters(*(np.full(n, value) for value in values))


@dataclass(frozen=True)
class Check:
    """The verdict of one check."""

    name: str
    """For files."""
    title: str
    """For people."""
    value: float
    bar: float
    side: Literal["at most", "at least"]
    """Where the value has to be, seen from the bar."""
    sentence: str
    """What it means."""
    numbers: dict[str, float] = field(default_factory=dict)
    """What else was measured."""
    tried: Literal["network alone", "whole result"] = "network alone"
    """What was put through the check."""

    @property
    def passed(self) -> bool:
        """Whether the value is on the right side of the bar; NaN is not."""
        return self.value <= self.bar if self.side == "at most" else self.value >= self.bar

    def record(self) -> dict[str, Any]:
        """Give the verdict for a file."""
        return {**asdict(self), "passed": self.passed}


def in_batches(method: Method, images: torch.Tensor, size: int = 32) -> torch.Tensor:
    """Apply a method to many images, some at a time."""
    return torch.cat([method(part) for part in torch.split(images, size)])
