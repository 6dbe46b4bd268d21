"""Time and memory of one micrograph: read, segment, cut noise blocks.

    python benchmarks/micrograph.py --side 4096 --threads 2

A simulated micrograph (phantoms in ice-like noise, 1.06 Å per pixel, particles of 180 Å) is read,
segmented with the model that ships, and cut into blocks of 256 pixels; the figures are of one
process after a first, unmeasured micrograph, and the peak memory is that of the whole process.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import mrcfile
import numpy as np
import torch

from core.images.micrographs.reader import Micrograph, read_micrograph
from core.noise.cutter import CutSettings, cut
from core.noise.source import SpectrumNoise
from core.segment.segmenter import Segmenter
from core.signal.spectrum import ice_like_power

PIXEL_SIZE, DIAMETER, BOX = 1.06, 180.0, 256


def simulated(side: int, n: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Dark round particles in ice-like noise."""
    generator = torch.Generator().manual_seed(0)
    tile = SpectrumNoise(ice_like_power(), 0.0).draw(1, 1024, generator)[0].numpy()
    times = -(-side // 1024)
    image = np.tile(tile, (times, times))[:side, :side]
    image = image + 0.2 * np.random.default_rng(0).standard_normal((side, side), dtype=np.float32)
    radius = int(DIAMETER / 2 / PIXEL_SIZE)
    yy, xx = np.mgrid[-radius:radius, -radius:radius]
    disc = 0.8 * (yy**2 + xx**2 < (0.8 * radius) ** 2)
    for y, x in np.random.default_rng(1).integers(0, side - 2 * radius, (n, 2)):
        image[y : y + 2 * radius, x : x + 2 * radius] -= disc
    return np.asarray(image, dtype=np.float32)


def main() -> None:
    """Parse the command line and print one line of figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=4096)
    parser.add_argument("--particles", type=int, default=150)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    segmenter = Segmenter.load()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "micrograph.mrc"
        with mrcfile.new(path, simulated(arguments.side, arguments.particles)) as file:
            file.voxel_size = PIXEL_SIZE
        micrograph = Micrograph("micrograph", path, PIXEL_SIZE)
        for _ in range(2):
            stamps = [time.perf_counter()]
            image = read_micrograph(micrograph)
            stamps.append(time.perf_counter())
            labels = segmenter.segment(image, PIXEL_SIZE, DIAMETER)
            stamps.append(time.perf_counter())
            made = cut(image, PIXEL_SIZE, labels, DIAMETER, None, CutSettings(box=BOX))
            stamps.append(time.perf_counter())
    read, segment, extract = np.diff(stamps)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{arguments.side} x {arguments.side}, {arguments.threads} threads: read {read:.2f} s, "
        f"segment {segment:.2f} s, cut {extract:.2f} s ({len(made.blocks)} blocks of {BOX}); "
        f"peak memory of the process {peak:.0f} MB"
    )


if __name__ == "__main__":
    main()
