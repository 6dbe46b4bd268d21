"""What a network that reads the CTF is given of it, and what its answer comes to.

Such a network sees two images: the particle, and the particle filtered by its CTF, in which the
signal has one sign at all frequencies. It gives two images as well: the answer is the first plus
the second filtered by the CTF, so that the second has no CTF to imitate. A CTF that nobody knows is
0 everywhere: the second images are then empty and have no effect.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..signal.ctf import CtfParameters, ctf_images


def reads_ctf(network: nn.Module) -> bool:
    """Tell whether a network has to be given CTFs."""
    return bool(getattr(getattr(network, "config", None), "reads_ctf", False))


def ctf_factor(
    ctf: CtfParameters,
    pixel_size: float | npt.NDArray[np.float64],
    box: int,
    device: torch.device | str = "cpu",
) -> torch.Tensor:
    """Give the CTFs of n images on the grid of an rfft2, 0 where one is not known.

    Parameters
    ----------
    ctf
        n of them, NaN where one is not known.
    pixel_size
        Å, one or n of them.
    box
        Pixels.
    device
        Where to compute.

    Returns
    -------
    factor : (n, box, box // 2 + 1) float32
    """
    factor = ctf_images(ctf.with_pixels(1.0 / pixel_size), 1.0, box, device)
    known = torch.as_tensor(ctf.known, device=device)
    return torch.where(known[:, None, None], factor, 0.0)


def with_ctf_channel(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Put (n, box, box) images and the same filtered by their CTFs together: (n, 2, box, box)."""
    return torch.stack([images, filtered(images, factor)], dim=1)


def joined_channels(answer: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Give the images (n, box, box) that a network's two (n, 2, box, box) come to."""
    return answer[:, 0] + filtered(answer[:, 1], factor)


def filtered(images: torch.Tensor, factor: torch.Tensor) -> torch.Tensor:
    """Filter (n, y, x) images by their CTFs (n, y, x // 2 + 1)."""
    made: torch.Tensor = torch.fft.irfft2(torch.fft.rfft2(images) * factor, s=images.shape[-2:])
    return made
