"""Sums over Fourier rings and shells of equal width, from zero frequency to Nyquist."""

from __future__ import annotations

from functools import lru_cache

import torch


@lru_cache(maxsize=32)
def shell_index(
    box: int, dims: int, bins: int, device: torch.device | str = "cpu"
) -> tuple[torch.Tensor, torch.Tensor]:
    """Give the shell of every coefficient of a real transform, and how often it counts.

    Parameters
    ----------
    box
        Side of the image or the volume, pixels.
    dims
        2 for rings, 3 for shells.
    bins
        Shell k holds |f| about k / (2 (bins - 1)) cycles per pixel; at most box // 2 + 1.

    Returns
    -------
    index : (box, …, box // 2 + 1) int64
        Corners beyond Nyquist have the index `bins`.
    weight : of the same shape, float32
        2 where a coefficient also stands for its mirror image, else 1.
    """
    if not 2 <= bins <= box // 2 + 1:
        raise ValueError(f"a box of {box} pixels has 2 to {box // 2 + 1} shells, not {bins}")
    full = torch.fft.fftfreq(box, device=device, dtype=torch.float64)
    half = torch.fft.rfftfreq(box, device=device, dtype=torch.float64)
    axes = torch.meshgrid(*[full] * (dims - 1), half, indexing="ij")
    radius = torch.stack([axis.square() for axis in axes]).sum(0).sqrt()
    index = (radius * 2 * (bins - 1)).round().long().clamp(max=bins)
    once = (half == 0) | ((half == 0.5) if box % 2 == 0 else torch.zeros_like(half).bool())
    weight = torch.where(once, 1.0, 2.0).expand(index.shape)
    return index, weight


def shell_sums(values: torch.Tensor, dims: int, bins: int) -> torch.Tensor:
    """Sum over shells, mirror images included.

    Parameters
    ----------
    values : (…, box, …, box // 2 + 1) real
        One value for each coefficient of `torch.fft.rfftn` over the last `dims` axes.
    dims, bins
        See `shell_index`.

    Returns
    -------
    sums : (…, bins)
    """
    index, weight = shell_index(values.shape[-2], dims, bins, values.device)
    lead = values.shape[: values.ndim - dims]
    flat = (values * weight).reshape(*lead, -1)
    sums = torch.zeros(*lead, bins + 1, dtype=flat.dtype, device=flat.device)
    return sums.index_add_(-1, index.flatten(), flat)[..., :bins]
