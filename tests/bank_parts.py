"""Parts of noise banks for tests."""

from pathlib import Path

import numpy as np

from core.noise.bank import NoiseBank, OpticsGroup
from core.noise.bank_table import BankPart, write_bank


def part(name: str = "mic", k: int = 3, box: int = 16, seed: int = 0) -> BankPart:
    """Blocks of white noise at random places."""
    rng = np.random.default_rng(seed)
    blocks = rng.standard_normal((k, box, box)).astype(np.float32)
    places = rng.uniform(0, 4000, (k, 2)).round(2)
    return BankPart.of_micrograph(
        name, blocks, places, rng.normal(900, 9, k), rng.uniform(5, 9, k), {"seed": seed}
    )


def make_bank(
    folder: Path, counts: tuple[int, ...] = (3, 2), box: int = 16, pixel_size: float = 4.0
) -> NoiseBank:
    parts = [part(f"mic{k}", n, box, k) for k, n in enumerate(counts)]
    return write_bank(folder, parts, sum(counts), box, [OpticsGroup(pixel_size)])
