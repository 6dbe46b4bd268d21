"""Particles simple enough to know what a filter does to them."""

import torch


def blobs(n: int = 6, box: int = 40, seed: int = 0) -> tuple[torch.Tensor, ...]:
    """Give noisy and clean blobs, and their masks; the noise is white with sd 1."""
    random = torch.Generator().manual_seed(seed)
    d = torch.arange(box) - box // 2
    shift = 3 * torch.randn(2, n, 1, 1, generator=random)
    r2 = (d[:, None] - shift[0]) ** 2 + (d - shift[1]) ** 2
    clean = 2 * torch.exp(-r2 / 40) + torch.exp(-(r2 - 60).abs() / 20)
    noisy = clean + torch.randn(n, box, box, generator=random)
    return noisy, clean, r2 < 100
