"""Pairs of noisy and clean particles made per second, as training draws them.

python benchmarks/pairs.py [--device cuda] [--threads 1] [--append]
"""

from __future__ import annotations

import time

import click
import numpy as np
import torch
from results import record

from core.noise.source import SpectrumNoise
from core.signal.spectrum import ice_like_power
from core.simulate.pairs import PairGenerator, PairSettings
from core.simulate.phantoms import phantom
from core.simulate.projection import VolumeTransform

CASES = ((64, 5.36, 32), (84, 4.0, 32), (128, 2.7, 16), (256, 1.3, 8))
"""Box, pixel size (Å), images in a batch."""


def rate(box: int, pixel_size: float, batch: int, device: torch.device, seconds: float) -> float:
    """Pairs per second of eight phantoms of 120 to 220 Å, with neighbours and CTFs."""
    volumes = [VolumeTransform(phantom(seed, pixel_size, (120, 220)), device) for seed in range(8)]
    noise = SpectrumNoise(ice_like_power().to(device))
    pairs = PairGenerator(volumes, noise, PairSettings(neighbour_rate=0.3, group=4))
    rng, generator = np.random.default_rng(0), torch.Generator(device).manual_seed(0)
    pairs.draw(batch, box, rng, generator)
    made, began = 0, time.perf_counter()
    while time.perf_counter() - began < seconds:
        made += len(pairs.draw(batch, box, rng, generator).noisy)
        if device.type == "cuda":
            torch.cuda.synchronize(device)
    return made / (time.perf_counter() - began)


@click.command()
@click.option("--device", default="cpu")
@click.option("--threads", default=1)
@click.option("--seconds", default=5.0, help="For each box.")
@click.option("--append", is_flag=True, help="Append the table to RESULTS.md.")
def main(device: str, threads: int, seconds: float, append: bool) -> None:
    """Print pairs per second for several boxes."""
    torch.set_num_threads(threads)
    where = torch.device(device)
    lines = ["| box | Å per pixel | pairs/s |", "|---|---|---|"]
    for box, pixel_size, batch in CASES:
        lines.append(
            f"| {box} | {pixel_size} | {rate(box, pixel_size, batch, where, seconds):.0f} |"
        )
        print(lines[-1], flush=True)
    name = f", {torch.cuda.get_device_name(where)}" if where.type == "cuda" else ""
    record(f"Training pairs per second, {threads} CPU threads{name}", lines, append)


if __name__ == "__main__":
    main()
