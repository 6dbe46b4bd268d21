"""Held-out pairs at fixed SNRs, and the scores of networks and of trivial methods on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn

from ...signal.agreement import masked_correlation
from ...signal.filters import gaussian, oracle_wiener
from ...simulate.pairs import PairGenerator, Pairs
from ..ctf_channel import ctf_factor, reads_ctf
from .batches import shown

SNRS = (0.5, 0.1, 0.05)
"""Variance inside the particle mask over that of the noise."""
LARGEST, SMALLEST = 64, 8
"""Images at each SNR: of a 64-pixel box, and at least."""
SIGMAS = (0.5, 1.0, 1.5, 2.0, 3.0, 4.0)
"""Pixels: the Gaussians of which `trivial_methods` takes the best."""
Images = dict[float, torch.Tensor]


@dataclass(frozen=True)
class HeldOut:
    """Pairs by their SNR."""

    sets: dict[float, Pairs]

    @property
    def noisy(self) -> Images:
        """What a network is given, (n, box, box) for each SNR."""
        return {snr: pairs.noisy for snr, pairs in self.sets.items()}

    def correlations(self, images: Images) -> dict[float, float]:
        """Mean correlation with the truth inside the particle mask, at each SNR."""
        return {
            snr: float(values.mean()) for snr, values in self.correlation_of_each(images).items()
        }

    def correlation_of_each(self, images: Images) -> dict[float, torch.Tensor]:
        """Correlations (n,) of the images with the truth inside the particle mask, at each SNR."""
        return {
            snr: masked_correlation(images[snr], pairs.clean, pairs.mask)
            for snr, pairs in self.sets.items()
        }

    def denoised(self, network: nn.Module, bf16: bool) -> Images:
        """Denoise the images as they are, at their own pixel size."""
        images = {}
        for snr, pairs in self.sets.items():
            factor = None
            if reads_ctf(network):
                box, device = pairs.noisy.shape[-1], pairs.noisy.device
                factor = ctf_factor(pairs.ctf, pairs.pixel_size, box, device)
            batch = shown(pairs.noisy, pairs.clean, pairs.snr, factor)
            kind = batch.noisy.device.type
            with torch.inference_mode(), torch.autocast(kind, torch.bfloat16, bf16):
                output = network(batch.noisy)
            with torch.inference_mode():
                images[snr] = batch.answer(output)[:, 0]
        return images


def draw_held_out(generators: dict[float, PairGenerator], box: int, n: int, seed: int) -> HeldOut:
    """Draw pairs, the same for the same seed.

    Parameters
    ----------
    generators
        A source of pairs for each SNR.
    box, n
        Pixels; images at each SNR.
    seed
        Of poses and noise. The sets of all SNRs show the same particles.
    """
    sets = {}
    for snr, generator in generators.items():
        noise = torch.Generator(generator.volumes[0].device).manual_seed(seed)
        sets[snr] = generator.draw(n, box, np.random.default_rng(seed), noise)
    return HeldOut(sets)


def images_for(box: int) -> int:
    """Give the number of images at each SNR whose validation takes a second or two."""
    return int(np.clip(round(LARGEST * (64 / box) ** 2), SMALLEST, LARGEST))


def snrs_within(snr_range: tuple[float, float]) -> tuple[float, ...]:
    """Choose from `SNRS` those inside a training range; its own ends where none is."""
    low, high = snr_range
    inside = tuple(snr for snr in SNRS if low <= snr <= high)
    return inside or tuple(dict.fromkeys((high, low)))


def named(scores: dict[float, float], digits: int = 4) -> dict[str, float]:
    """Name scores as model cards do: `correlation_0.1`."""
    return {f"correlation_{snr:g}": round(value, digits) for snr, value in scores.items()}


def trivial_methods(held_out: HeldOut) -> dict[str, Images]:
    """Give what needs no training: zero, raw, the best low-pass filter, the oracle Wiener filter.

    The low-pass filter is, at each SNR, the best of six Gaussians on the scored images themselves,
    and the Wiener filter knows each image's true spectra: both are favoured.
    """
    rows: dict[str, Images] = {name: {} for name in ("zero", "raw", "low-pass", "oracle Wiener")}
    for snr, pairs in held_out.sets.items():
        rows["zero"][snr] = torch.zeros_like(pairs.noisy)
        rows["raw"][snr] = pairs.noisy
        low = [gaussian(pairs.noisy, sigma) for sigma in SIGMAS]
        quality = [masked_correlation(x, pairs.clean, pairs.mask).mean() for x in low]
        rows["low-pass"][snr] = low[int(torch.stack(quality).argmax())]
        rows["oracle Wiener"][snr] = oracle_wiener(pairs.noisy, pairs.clean)
    return rows


def mean(scores: dict[float, float]) -> float:
    """Give the mean over the SNRs, by which runs are compared."""
    return float(np.mean(list(scores.values())))


def pick(held_out: HeldOut, each: int) -> dict[float, Sequence[int]]:
    """Choose images to show, spread over each set."""
    return {
        snr: np.linspace(0, len(pairs.noisy) - 1, min(each, len(pairs.noisy))).astype(int).tolist()
        for snr, pairs in held_out.sets.items()
    }
