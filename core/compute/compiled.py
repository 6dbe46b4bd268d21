"""A network compiled for the processor or GPU at hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

from ..errors import IceblockError


def compiled(
    network: torch.nn.Module, device: torch.device
) -> Callable[[torch.Tensor], torch.Tensor]:
    """Compile a network by torch.compile, at its first image and for any number and box.

    On some processors torch can compile it for one number and box of images only. Then it is
    compiled anew for each. Its answers differ from those of the network itself by rounding. On a
    CPU each call computes on the calling thread alone, as elsewhere.

    Parameters
    ----------
    network
        On the device, its weights final.
    device
        Where it computes.

    Returns
    -------
    apply
        The network; raises IceblockError where it cannot be compiled.
    """
    options: dict[str, Any] | None = {"cpp.threads": 1} if device.type == "cpu" else None
    ways = [torch.compile(network, dynamic=any_size, options=options) for any_size in (True, False)]

    def apply(images: torch.Tensor) -> torch.Tensor:
        way = ways[0]
        try:
            answer: torch.Tensor = way(images)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:  # of the compiler; torch has many kinds
            if way is not ways[-1]:
                ways[0] = ways[-1]
                return apply(images)
            reason = str(error).strip().splitlines()[0]
            raise IceblockError(
                f"torch.compile did not work on this machine ({reason}): install a C++ compiler, "
                "on a GPU Triton as well, or leave --compile out."
            ) from error
        return answer

    return apply
