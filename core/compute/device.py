"""Where to compute, and how a device likes it."""

from __future__ import annotations

import torch

from ..errors import IceblockError


def choose_device(name: str) -> torch.device:
    """Turn auto, cpu, cuda or cuda:N into a device that is there.

    Raises
    ------
    IceblockError
        If the device was asked for by name and is not there.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise IceblockError(f"Unknown device {name!r}: give auto, cpu, cuda or cuda:N.") from error
    if device.type == "cpu":
        return device
    if device.type != "cuda":
        raise IceblockError(f"Device {name!r} is not supported: give auto, cpu, cuda or cuda:N.")
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if (device.index or 0) >= count:
        raise IceblockError(
            f"Device {name!r} is not there ({count} CUDA devices are visible to torch "
            f"{torch.__version__}): give --device cpu, or install a torch built for your GPU."
        )
    return device


def bf16_pays(device: torch.device) -> bool:
    """Whether bfloat16 arithmetic is native on the device."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    capabilities = torch.backends.cpu.get_cpu_capability()
    has_bf16 = getattr(torch.cpu, "_is_avx512_bf16_supported", bool)()
    return capabilities.startswith("AVX512") and bool(has_bf16)
