"""Bias and variance of a denoiser by ring, from two independent noise draws of one set of images.

A denoised image is the truth, plus an error that is the same for every noise (bias: what the
denoiser always takes away or invents), plus one that changes with the noise (variance). Errors of
two independent draws share the first only, so that their cross power estimates it without having
to average over many draws.
"""

from __future__ import annotations

from typing import NamedTuple

import torch

from ..signal.shells import shell_sums


class RingErrors(NamedTuple):
    """Power per ring, (bins,) each; white noise of variance 1 has 1 in every ring."""

    bias: torch.Tensor
    """Squared bias; an unbiased estimate, so that it can fall a little below 0."""
    variance: torch.Tensor
    """Of one denoised image about the mean over all noise."""
    signal: torch.Tensor
    """Power of the truth."""


def ring_errors(
    denoised_a: torch.Tensor,
    denoised_b: torch.Tensor,
    clean: torch.Tensor,
    bins: int | None = None,
) -> RingErrors:
    """Split the error of denoised images into bias and variance.

    Parameters
    ----------
    denoised_a, denoised_b : (n, box, box) float
        The same particles denoised from two independent noise draws, at one scale.
    clean : (n, box, box) float
        The truth.
    bins
        Number of rings, by default (and at most) box // 2 + 1.

    Returns
    -------
    errors
        bias + variance is the mean squared error of a denoised image in each ring.
    """
    box = clean.shape[-1]
    bins = bins or box // 2 + 1
    truth = torch.fft.rfft2(clean)
    one, other = (torch.fft.rfft2(x - clean) for x in (denoised_a, denoised_b))
    count = shell_sums(torch.ones_like(truth.real[0]), 2, bins) * box**2 * len(clean)

    def power(product: torch.Tensor) -> torch.Tensor:
        return shell_sums(product.sum(0), 2, bins) / count

    return RingErrors(
        bias=power((one * other.conj()).real),
        variance=power((one - other).abs().square()) / 2,
        signal=power(truth.abs().square()),
    )
