"""The hallucination gate for a model: which structures, which noise, which box."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch

from ...denoise.inference import Denoiser
from ...evaluate.data_set import Background
from ...evaluate.gate import Method, Trial
from ...noise.source import NoiseSource, SpectrumNoise
from ...simulate.phantoms import phantom
from ...simulate.projection import VolumeTransform
from ...simulate.references import box_for, read_reference

SEEN = (1000, 1001, 1002)
"""Seeds of phantoms that models that ship were trained on."""
UNSEEN = (7_000_000, 7_000_001, 7_000_002)
"""Seeds of phantoms that none was."""
DIAMETER = (100.0, 190.0)
"""Å, of the phantoms."""
SMALLEST, LARGEST = 48, 160
"""Pixels at the working pixel size: of a larger structure the gate uses the largest box."""
MULTIPLE = 8


def method_of(denoiser: Denoiser, pixel_size: float) -> Method:
    """Give a model as a method on images of a pixel size (Å)."""

    def method(images: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(denoiser(np.ascontiguousarray(images.numpy()), pixel_size)[0])

    return method


def make_trial(
    denoiser: Denoiser,
    volumes: Sequence[Path],
    noise: Callable[[int], NoiseSource],
    noise_images: int,
) -> tuple[Trial, list[str]]:
    """Set up what a model is tried on, at its working pixel size.

    Parameters
    ----------
    denoiser
        The model.
    volumes
        Structures to be taken for known; phantoms where there are none.
    noise
        Gives noise for a box, at the working pixel size.
    noise_images
        See `Trial`.

    Returns
    -------
    trial, remarks
    """
    pixel_size = denoiser.model.card.working_pixel_size
    remarks: list[str] = []
    if volumes:
        read = [read_reference(path, pixel_size) for path in volumes]
        seen = [VolumeTransform(volume) for volume, _ in read]
        remarks = [remark for _, found in read for remark in found]
    else:
        seen = [VolumeTransform(phantom(seed, pixel_size, DIAMETER)) for seed in SEEN]
    unseen = [VolumeTransform(phantom(seed, pixel_size, DIAMETER)) for seed in UNSEEN]
    widest = max(volume.diameter for volume in (*seen, *unseen))
    box = int(np.clip(box_for(widest, pixel_size, MULTIPLE), SMALLEST, LARGEST))
    fitting = [volume for volume in seen if volume.diameter <= 0.9 * box * pixel_size]
    if len(fitting) < len(seen):
        remarks.append(
            f"Structures wider than {0.9 * box * pixel_size:.0f} Å were left out of the gate."
        )
        if not fitting:
            fitting = [VolumeTransform(phantom(seed, pixel_size, DIAMETER)) for seed in SEEN]
    return Trial(fitting, unseen, noise(box), box, pixel_size, noise_images), remarks


def noise_like(about: Background, pixel_size: float, working_pixel_size: float) -> SpectrumNoise:
    """Give noise with a background's spectrum at the working pixel size.

    Parameters
    ----------
    about, pixel_size
        The background and its pixel size, Å.
    working_pixel_size
        Å. Finer than `pixel_size`, the level of the last ring goes on.
    """
    frequency = np.linspace(0, 0.5 / pixel_size, len(about.power))
    wanted = np.linspace(0, 0.5 / working_pixel_size, 33)
    power = np.interp(wanted, frequency, about.power)
    return SpectrumNoise(torch.from_numpy(power / power.mean())[None].float(), variation=0.1)
