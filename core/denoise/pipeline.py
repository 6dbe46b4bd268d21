"""Batches denoised in their order, so many at a time that no thread and no GPU has to wait."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable

import numpy as np
import numpy.typing as npt
import torch

from ..compute.threads import one_thread_each
from ..signal.ctf import CtfParameters
from .answer import Answer
from .inference import Denoiser

Batch = tuple[npt.NDArray[np.float32] | torch.Tensor, float, int, CtfParameters | None]
"""Images, pixel size (Å), contrast, CTF."""


def in_turn(
    denoiser: Denoiser, batches: Iterable[Batch], *, confidence: bool = False
) -> Generator[Answer]:
    """Denoise batches; the next ones are begun before an answer is waited for.

    Parameters
    ----------
    denoiser
        Model and device.
    batches
        What `Denoiser.answer` takes, each.
    confidence
        See there.

    Yields
    ------
    answer
        As many as batches, in their order.
    """
    on_cpu = denoiser.device.type == "cpu"
    ahead = max(1, denoiser.threads // 2) if on_cpu else 1  # a batch is work for two threads
    begun: deque[Callable[[], Answer]] = deque()
    with one_thread_each():
        for batch in batches:
            begun.append(denoiser.begin(*batch, confidence=confidence))
            if len(begun) > ahead:
                yield begun.popleft()()
        while begun:
            yield begun.popleft()()
