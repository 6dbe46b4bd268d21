"""Micrographs of which all is known: noise with an ice-like spectrum, and what is put into it."""

import numpy as np
import numpy.typing as npt
import torch

from core.images.micrographs.reader import MicrographImage
from core.segment.segmenter import Segmentation
from core.signal.spectrum import ice_like_power, noise_with_power

Micrograph = npt.NDArray[np.float32]
SD, LEVEL = 7.0, 900.0


def ice(seed: int = 0, shape: tuple[int, int] = (300, 340), shading: float = 1.0) -> Micrograph:
    """Noise of sd 7 on a shading, as a motion-corrected micrograph has them."""
    generator = torch.Generator().manual_seed(seed)
    noise = noise_with_power(ice_like_power(), max(shape), generator)[0].numpy()
    noise = noise[: shape[0], : shape[1]] / noise.std()
    y, x = np.ogrid[: shape[0], : shape[1]]
    return (SD * noise + LEVEL + shading * (0.03 * y - 0.02 * x)).astype(np.float32)


def add_ball(
    micrograph: Micrograph, y: float, x: float, diameter: float, height: float, texture: float = 0
) -> None:
    """Darken a projected ball by `height` sd at its middle; `texture` is a part of that."""
    yy, xx = np.ogrid[: micrograph.shape[0], : micrograph.shape[1]]
    r = np.hypot(yy - y, xx - x) / (diameter / 2)
    waves = 1 + texture * np.cos((yy - y) / 2.5) * np.cos((xx - x) / 3.0)
    micrograph -= (SD * height * waves * np.sqrt(np.clip(1 - r**2, 0, None))).astype(np.float32)


def image_of(micrograph: Micrograph, valid: npt.NDArray[np.bool_] | None = None) -> MicrographImage:
    """Make what `read_micrograph` gives."""
    if valid is None:
        valid = np.ones(micrograph.shape, dtype=bool)
    return MicrographImage(micrograph, valid, ())


def segmentation_of(labels: npt.NDArray[np.integer], shape: tuple[int, int]) -> Segmentation:
    """Make a segmentation that is sure of its labels (h, w)."""
    probabilities = np.stack([labels == k for k in range(3)]).astype(np.float32)
    return Segmentation(probabilities, shape)


def distance_to_block(
    centre: npt.NDArray[np.float64], place: npt.NDArray[np.float64], box: int
) -> float:
    """Pixels from a point to the nearest pixel of the block about `place`."""
    corner = place - box // 2
    return float(np.hypot(*(np.clip(centre, corner, corner + box - 1) - centre)))
