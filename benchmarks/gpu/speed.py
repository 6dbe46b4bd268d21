"""Images per second: denoising beside its ceilings and topaz, and each part of a training step."""

from __future__ import annotations

import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np
import torch
from bounds import network_rate
from denoise_runs import slope, topaz
from particle_sets import make_particles
from throughput import bounded_rates

from core.compute.distributed import ALONE
from core.denoise.generator import Generator
from core.denoise.paper.losses import pixel_error
from core.denoise.training.batches import Batch, draw_batch

from .training import LOSS, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from core.denoise.training.config import TrainingConfig
    from core.simulate.pairs import PairGenerator

    from .material import Material
    from .sizes import Sizes

PAYS = 1.1
"""Times as fast that a compiled network has to be in order to be compiled for training."""
Rates = dict[str, float]


def measure(
    material: Material, sizes: Sizes, device: torch.device, topaz_command: str | None, out: Path
) -> dict[str, Rates]:
    """Time everything; `out` gets speed.json, part by part."""
    found: dict[str, Rates] = {"training": _training(material, sizes, device)}
    found["copies"] = _copies(device)
    _keep(found, out)
    for box, pixel_size in sizes.geometries:
        found[f"{box}@{pixel_size}"] = _denoising(sizes, device, box, pixel_size, topaz_command)
        _keep(found, out)
    return found


def _keep(found: dict[str, Rates], out: Path) -> None:
    (out / "speed.json").write_text(json.dumps(found, indent=1))


def compile_pays(out: Path) -> bool:
    """Tell from speed.json whether training is to compile its network."""
    if not (out / "speed.json").is_file():
        return False
    rates = json.loads((out / "speed.json").read_text())["training"]
    return bool(rates.get("compiled step", 0.0) > PAYS * rates["step"])


def _denoising(
    sizes: Sizes, device: torch.device, box: int, pixel_size: float, topaz_command: str | None
) -> Rates:
    """Time whole runs between a short and a long stack, and what bounds them."""
    threads = torch.get_num_threads()
    if sizes.timed is None:
        return {"network": round(network_rate(box, pixel_size, threads, device.type, 0.05), 1)}
    short, number = (n * 64**2 // box**2 for n in sizes.timed)
    with tempfile.TemporaryDirectory() as name:
        stars = {n: make_particles(Path(name), n, box, pixel_size) for n in (short, number)}
        rates: Rates = {}
        try:
            rates = bounded_rates(stars, box, pixel_size, ("float32",), 1, threads, device.type)
            if topaz_command:
                on = "0" if device.type == "cuda" else "-1"
                runs = [topaz(topaz_command, s, n, threads, on) for n, s in stars.items()]
                rates["topaz"] = slope(*runs)
        except click.ClickException as error:  # too busy a machine, or no topaz
            print(error.message, flush=True)
    return {name: round(rate, 1) for name, rate in rates.items()}


def _copies(device: torch.device) -> Rates:
    """GB/s from pinned memory to the device and back."""
    if device.type != "cuda":
        return {}
    here = torch.empty(256 << 20, dtype=torch.uint8, pin_memory=True)
    there = here.to(device)
    gigabytes = here.numel() / 1e9
    return {
        "to the GPU, GB/s": gigabytes * _rate(lambda: there.copy_(here, non_blocking=True), device),
        "back, GB/s": gigabytes * _rate(lambda: here.copy_(there, non_blocking=True), device),
    }


def _training(material: Material, sizes: Sizes, device: torch.device) -> Rates:
    """Images per second of pairs alone and of steps on images that are there."""
    pairs = material.pairs(device, settings(sizes))
    rates: Rates = {}
    n = sizes.trials
    for box in sizes.boxes:
        config = sizes.training(boxes=(box,))
        batch = draw_batch(pairs, config, 0, ALONE, reads_ctf=True)
        rates[f"pairs, box {box}"] = len(batch.noisy) * _rate(_drawing(pairs, config), device, n)
        rates[f"step, box {box}"] = len(batch.noisy) * _rate(_step(sizes, batch, device), device, n)
    config = sizes.training(boxes=sizes.boxes[:2][-1:])  # 64 pixels
    batch = draw_batch(pairs, config, 0, ALONE, reads_ctf=True)
    modes = {"step": None, "compiled step": "default", "step in CUDA graphs": "reduce-overhead"}
    for name, mode in modes.items():
        if mode is None or device.type == "cuda":
            step = _step(sizes, batch, device, mode)
            rates[name] = len(batch.noisy) * _rate(step, device, n)
    return {name: round(rate) for name, rate in rates.items()}


def _drawing(pairs: PairGenerator, config: TrainingConfig) -> Callable[[], object]:
    """Make what draws the batch of another step at each call."""
    steps = itertools.count(1)
    return lambda: draw_batch(pairs, config, next(steps), ALONE, reads_ctf=True)


def _step(
    sizes: Sizes, batch: Batch, device: torch.device, mode: str | None = None
) -> Callable[[], object]:
    """Make a training step of the network on the same images again and again."""
    network = Generator(sizes.network).to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizer = torch.optim.AdamW(network.parameters(), lr=1e-6)
    apply = torch.compile(network, mode=mode) if mode else network

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            output = apply(batch.noisy)
        answer = batch.answer(output)[:, 0]
        optimizer.zero_grad(set_to_none=True)
        pixel_error(answer, batch.clean, batch.snr, LOSS).backward()  # type: ignore[no-untyped-call]
        optimizer.step()

    return step


def _rate(work: Callable[[], object], device: torch.device, times: int = 20) -> float:
    """Count calls per second, warm: the median of five series."""
    for _ in range(3 if times > 1 else 1):
        work()
    found = []
    for _ in range(5 if times > 1 else 1):
        _wait(device)
        begin = time.perf_counter()
        for _ in range(max(1, times // 5)):
            work()
        _wait(device)
        found.append(max(1, times // 5) / (time.perf_counter() - begin))
    return float(np.median(found))


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
