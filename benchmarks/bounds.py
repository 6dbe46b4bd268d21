"""What bounds denoising: the arithmetic of the network, the disk, a plain copy of the stack."""

from __future__ import annotations

import os
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import torch

CHUNK = 16 << 20
"""Bytes that are read and written at a time."""


def network_rate(
    box: int, pixel_size: float, threads: int, device: str = "cpu", seconds: float = 3.0
) -> float:
    """Images per second of the shipped network alone, warm, on images that are there already.

    It gets images of the working box in the batches that `iceblock denoise` gives it: on a CPU,
    pieces that each thread computes alone; on a GPU, one batch at a time.

    Parameters
    ----------
    box, pixel_size
        Of the particles, in pixels and Å.
    threads
        Of the CPU.
    device
        Of torch.
    seconds
        Time to measure, after as many as it takes to warm up.
    """
    import torch

    from core.denoise.ctf_channel import reads_ctf
    from core.denoise.inference import Denoiser
    from core.denoise.model_file import load_model
    from core.denoise.shipped import DEFAULT, find_model
    from core.denoise.views import working_box

    torch.set_num_threads(1)
    model = load_model(find_model(DEFAULT))
    denoiser = Denoiser(model, torch.device(device))
    inside = working_box(box, pixel_size, model.card.working_pixel_size)
    channels = 2 if reads_ctf(model.generator) else 1
    images = torch.randn(_images_at_a_time(box, denoiser.device.type), channels, inside, inside)
    images = images.to(denoiser.device).contiguous(memory_format=torch.channels_last)

    def work(duration: float) -> tuple[int, float]:
        done, begin = 0, time.perf_counter()
        while (now := time.perf_counter()) < begin + duration:
            _answer(denoiser.model.generator, images, denoiser.network.bf16)
            done += len(images)
        return done, now - begin

    crowd = threads if denoiser.device.type == "cpu" else 1
    with ThreadPoolExecutor(crowd) as pool:
        list(pool.map(work, [seconds / 3] * crowd))
        return sum(done / taken for done, taken in pool.map(work, [seconds] * crowd))


def _images_at_a_time(box: int, device: str) -> int:
    from core.denoise.batches import batch_size
    from core.denoise.inference import PIECE, PIECE_BYTES

    if device == "cpu":
        return max(1, min(PIECE, PIECE_BYTES // (4 * box**2)))
    return batch_size(box, device)


def _answer(network: torch.nn.Module, images: torch.Tensor, bf16: bool) -> None:
    """Apply the network, to the end."""
    import torch

    kind = images.device.type
    with torch.inference_mode(), torch.autocast(kind, torch.bfloat16) if bf16 else nullcontext():
        network(images)
    if kind == "cuda":
        torch.cuda.synchronize(images.device)


def warm(path: Path) -> None:
    """Bring a file into the page cache."""
    buffer = bytearray(CHUNK)
    with path.open("rb", buffering=0) as file:
        while file.readinto(buffer):
            pass


def copy_seconds(stack: Path) -> float:
    """Time `cp` of a stack that is in the page cache; nothing waits for the disk."""
    warm(stack)
    copy = stack.with_name("copy.mrcs")
    begin = time.perf_counter()
    subprocess.run(["cp", stack, copy], check=True)
    seconds = time.perf_counter() - begin
    copy.unlink()
    return seconds


def disk_seconds(stack: Path, share: float = 1.0) -> float:
    """Time the disk: read a stack that is not in the page cache, write, and wait for the disk.

    Parameters
    ----------
    stack
        The file.
    share
        Bytes that are written for each byte read: 0.5 where float32 becomes float16.
    """
    copy = stack.with_name("copy.mrcs")
    buffer = memoryview(bytearray(CHUNK))
    with stack.open("rb", buffering=0) as source, copy.open("wb") as target:
        os.fsync(source.fileno())  # only clean pages can be dropped
        os.posix_fadvise(source.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        begin = time.perf_counter()
        while got := source.readinto(buffer):
            target.write(buffer[: round(got * share)])
        target.flush()
        os.fsync(target.fileno())
        seconds = time.perf_counter() - begin
    copy.unlink()
    return seconds
