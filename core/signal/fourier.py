"""Resampling as RELION does it, and smoothing, in Fourier space."""

from __future__ import annotations

import torch


def fourier_resize(images: torch.Tensor, box: int) -> torch.Tensor:
    """Resample square images to another box, the field of view staying the same.

    Pixel values keep their scale (a constant image stays that constant). Frequencies beyond the
    coarser of the two grids' Nyquist frequency are lost; the term at an even grid's Nyquist
    frequency is dropped, since its sign is ambiguous.

    Parameters
    ----------
    images : (..., n, n) float tensor
    box
        The new size m in pixels; any parity.

    Returns
    -------
    resized : (..., m, m) tensor
        The centre pixel n // 2 goes to m // 2.
    """
    n = images.shape[-1]
    if box == n:
        return images
    if not images.numel():  # FFT libraries refuse a batch without images
        return images.new_zeros((*images.shape[:-2], box, box))
    keep = min(n, box)
    half = (keep + 1) // 2  # frequencies 0 .. half-1 lie below Nyquist
    # Columns that are lost, or empty, are not transformed.
    columns = torch.fft.fft(torch.fft.rfft(images)[..., :half], dim=-2)
    resized = torch.zeros(
        (*images.shape[:-2], box, half), dtype=columns.dtype, device=images.device
    )
    resized[..., :half, :] = columns[..., :half, :]
    resized[..., box - half + 1 :, :] = columns[..., n - half + 1 :, :]
    shift = box // 2 - (n // 2) * box / n  # odd boxes: their centres are half a pixel apart
    if abs(shift) > 1e-9:
        resized = resized * _phase_ramp(box, shift, images.device)[:, :half]
    resized = torch.fft.ifft(resized.mul_((box / n) ** 2), dim=-2)
    made: torch.Tensor = torch.fft.irfft(resized, n=box)
    return made


def smooth(images: torch.Tensor, sigma: float) -> torch.Tensor:
    """Smooth (n, box, box) images by a Gaussian of `sigma` pixels, periodically."""
    box = images.shape[-1]
    fy = torch.fft.fftfreq(box, device=images.device)
    fx = torch.fft.rfftfreq(box, device=images.device)
    gain = torch.exp(-2 * (torch.pi * sigma) ** 2 * (fy[:, None].square() + fx.square()))
    smoothed: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * gain, s=(box, box))
    return smoothed


def _phase_ramp(box: int, shift: float, device: torch.device) -> torch.Tensor:
    """Factor of an rfft2 that moves an image by `shift` pixels along both axes."""
    fy = torch.fft.fftfreq(box, device=device)
    fx = torch.fft.rfftfreq(box, device=device)
    return torch.exp(-2j * torch.pi * shift * (fy[:, None] + fx[None, :]))
