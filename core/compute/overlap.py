"""A GPU that prepares one batch and gives another back while it works on a third."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

Arrays = list[npt.NDArray[Any]]


def pinned(images: npt.NDArray[np.float32], device: torch.device) -> torch.Tensor:
    """Put images where a GPU fetches them without its CPU; for other devices, as they are."""
    tensor = torch.from_numpy(images)
    return tensor.pin_memory() if device.type == "cuda" else tensor


class Overlap:
    """Streams of a GPU beside that of its main work; on another device, nothing.

    Parameters
    ----------
    device
        Where the work is done.
    """

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.active = device.type == "cuda"
        if self.active:
            streams = [torch.cuda.Stream(device) for _ in range(2)]  # type: ignore[no-untyped-call]
            self._ahead, self._back = streams

    @contextlib.contextmanager
    def ahead(self) -> Iterator[None]:
        """Inside the `with` block, work does not wait for the main work asked for before."""
        with torch.cuda.stream(self._ahead) if self.active else contextlib.nullcontext():
            yield

    def join(self, *tensors: torch.Tensor) -> None:
        """Let the main work wait for what was done ahead, and have these tensors of it."""
        if not self.active:
            return
        main = torch.cuda.current_stream(self.device)
        main.wait_stream(self._ahead)
        for tensor in tensors:
            tensor.record_stream(main)

    def fetch(self, tensors: Sequence[torch.Tensor]) -> Callable[[], Arrays]:
        """Begin to copy tensors of the main work to the CPU.

        Returns
        -------
        wait
            Gives them as arrays, when they are there.
        """
        if not self.active:
            here = [tensor.numpy() for tensor in tensors]
            return lambda: here
        self._back.wait_stream(torch.cuda.current_stream(self.device))
        copies = []
        with torch.cuda.stream(self._back):
            for tensor in tensors:
                copies.append(torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True))
                copies[-1].copy_(tensor, non_blocking=True)
                tensor.record_stream(self._back)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(self._back)

        def wait() -> Arrays:
            done.synchronize()
            return [copy.numpy() for copy in copies]

        return wait
