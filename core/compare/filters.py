"""Methods that are not trained: what each does, and the parameters that it is tuned on.

Images are normalised on their background before: the noise has a standard deviation of about 1.
"""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from ..extra import from_extra
from ..signal.filters import gaussian, oracle_wiener, wiener_filter

Image = npt.NDArray[np.float32]

Parameters = dict[str, float]
Kind = Literal["trivial", "filter", "oracle"]

LOW_PASS_EDGE = 0.02
"""Width of the low-pass filter's cosine edge, cycles per pixel."""
REACH = 11
"""Pixels from each pixel, along either axis, within which non-local means look for its like."""
BM3D_PACKAGE = "bm3d"
"""Licensed for non-commercial use alone: no dependency of iceblock, it comes from the user."""
BM3D_LICENCE = "package bm3d, licensed for non-commercial use only, installed by the user"
BM3D_ABSENT = (
    "BM3D is left out: the package bm3d is not installed (pip install bm3d; its licence allows "
    "non-commercial use only)."
)


@dataclass(frozen=True)
class Baseline:
    """A method that is not trained."""

    name: str
    apply: Callable[..., torch.Tensor]
    """Takes (n, box, box) noisy images, an oracle the clean ones after them, and the parameters by
    name; returns (n, box, box)."""
    grid: tuple[Parameters, ...] = ({},)
    """Parameters to choose from; names tell units."""
    kind: Kind = "filter"
    note: str = ""
    """What a reader of the table should know."""

    def __call__(
        self, noisy: torch.Tensor, clean: torch.Tensor, parameters: Parameters
    ) -> torch.Tensor:
        """Denoise images; only an oracle looks at the clean ones."""
        given = (noisy, clean) if self.kind == "oracle" else (noisy,)
        return self.apply(*given, **parameters)


def combinations(**values: tuple[float, ...]) -> tuple[Parameters, ...]:
    """Give every combination of the values of named parameters."""
    return tuple(
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    )


def mean_filter(images: torch.Tensor, width_pixels: float) -> torch.Tensor:
    """Average (n, box, box) images over squares of an odd edge; the image's edges are reflected."""
    reach = int(width_pixels) // 2
    padded = F.pad(images[:, None], [reach] * 4, mode="reflect")
    return F.avg_pool2d(padded, 2 * reach + 1, stride=1)[:, 0]


def low_pass(images: torch.Tensor, cycles_per_pixel: float) -> torch.Tensor:
    """Cut (n, box, box) images off at a frequency, with a soft edge about it."""
    bins = images.shape[-1] // 2 + 1
    frequency = torch.linspace(0, 0.5, bins, device=images.device)
    beyond = ((frequency - cycles_per_pixel) / LOW_PASS_EDGE + 0.5).clamp(0, 1)
    gain = 0.5 * (1 + torch.cos(torch.pi * beyond))
    return wiener_filter(images, gain, 1 - gain)


def bilateral(images: torch.Tensor, sigma_grey: float, sigma_pixels: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_bilateral`.

    A Gaussian of distances (standard deviation `sigma_pixels`) that leaves out other grey values
    (standard deviation `sigma_grey`, in those of the noise).
    """
    denoise = from_extra("skimage.restoration").denoise_bilateral
    return image_by_image(
        images, denoise, sigma_color=sigma_grey, sigma_spatial=sigma_pixels, mode="reflect"
    )


def non_local_means(images: torch.Tensor, h_noise: float, patch_pixels: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_nl_means`, told the noise's sd of 1.

    Each pixel becomes the mean of pixels whose surroundings, squares of the odd edge
    `patch_pixels`, look alike; an unlikeness of `h_noise` noise standard deviations halves or so
    a pixel's weight.
    """
    denoise = from_extra("skimage.restoration").denoise_nl_means
    return image_by_image(
        images, denoise, patch_size=int(patch_pixels), patch_distance=REACH, h=h_noise, sigma=1.0
    )


def total_variation(images: torch.Tensor, weight_noise: float) -> torch.Tensor:
    """Filter (n, box, box) images by scikit-image's `denoise_tv_chambolle`.

    It finds the image near to the noisy one whose slopes add up to little; `weight_noise` weighs
    the slopes against the distance, in standard deviations of the noise.
    """
    denoise = from_extra("skimage.restoration").denoise_tv_chambolle
    return image_by_image(images, denoise, weight=weight_noise)


def bm3d(images: torch.Tensor, sigma_noise: float) -> torch.Tensor:
    """Filter (n, box, box) images by the user's package `bm3d`: like blocks are filtered together.

    `sigma_noise` is the standard deviation that the filter is told, over that of the noise.
    """
    package = importlib.import_module(BM3D_PACKAGE)
    return image_by_image(images, lambda image: package.bm3d(image, sigma_noise))


def image_by_image(
    images: torch.Tensor, denoise: Callable[..., npt.NDArray[Any]], **settings: Any
) -> torch.Tensor:
    """Apply a function of one (box, box) float32 image to each of (n, box, box) images."""
    results = np.empty(images.shape, dtype=np.float32)
    for k, image in enumerate(images.cpu().numpy()):
        results[k] = denoise(np.ascontiguousarray(image, dtype=np.float32), **settings)
    return torch.from_numpy(results).to(images.device)


def constant(images: torch.Tensor) -> torch.Tensor:
    """Give each image's mean."""
    return images.mean(dim=(1, 2), keepdim=True).expand_as(images)


def set_mean(images: torch.Tensor) -> torch.Tensor:
    """Give the mean of all the images for each: a blob that is as large as a particle."""
    return images.mean(dim=0, keepdim=True).expand_as(images)


TRIVIAL = (
    Baseline("raw", lambda images: images, kind="trivial"),
    Baseline("zero", torch.zeros_like, kind="trivial"),
    Baseline("constant", constant, kind="trivial", note="each image's mean"),
    Baseline("set mean", set_mean, kind="trivial", note="the mean of all noisy images"),
)
"""What is reached without denoising anything."""
GAUSSIAN = Baseline(
    "Gaussian", gaussian, combinations(sigma_pixels=(0.5, 0.75, 1, 1.5, 2, 3, 4, 6, 8))
)
FILTERS = (
    Baseline("mean", mean_filter, combinations(width_pixels=(3, 5, 7, 9, 11, 15, 21))),
    GAUSSIAN,
    Baseline(
        "bilateral", bilateral, combinations(sigma_grey=(1, 2, 4), sigma_pixels=(1, 2, 3, 4, 6))
    ),
    Baseline(
        "low-pass",
        low_pass,
        combinations(cycles_per_pixel=(0.02, 0.03, 0.04, 0.06, 0.08, 0.11, 0.15, 0.2, 0.3, 0.4)),
    ),
    Baseline(
        "non-local means",
        non_local_means,
        combinations(h_noise=(0.1, 0.2, 0.35, 0.6, 1.0), patch_pixels=(5, 9, 15)),
    ),
    Baseline(
        "total variation",
        total_variation,
        combinations(weight_noise=(0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 16)),
    ),
)
BM3D = Baseline(
    "BM3D", bm3d, combinations(sigma_noise=(0.5, 0.75, 1, 1.5, 2, 3, 4)), note=BM3D_LICENCE
)
WIENER = Baseline(
    "oracle Wiener",
    oracle_wiener,
    kind="oracle",
    note="is told the power spectra of each image's signal and noise, which nobody knows",
)


def classical_baselines() -> tuple[list[Baseline], list[str]]:
    """Give the baselines in the order of a table's rows, and sentences on what is left out."""
    try:
        importlib.import_module(BM3D_PACKAGE)
    except ImportError:
        return [*TRIVIAL, *FILTERS, WIENER], [BM3D_ABSENT]
    return [*TRIVIAL, *FILTERS, BM3D, WIENER], []
