"""Noise with the spectrum of real blocks, for data sets that gave too few of them.

There are two kinds. Blocks with new random phases (`phases`) keep the two-dimensional spectra of
real blocks. Noise from a fitted spectrum (`model`) can have any box. Both kinds are Gaussian, and
real ice is only approximately Gaussian. Therefore the table of a bank marks them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import torch

from ..signal.spectrum_model import SpectrumModel, fit_blocks
from .bank import MODEL, PHASES
from .bank_table import BankPart
from .bank_writer import BankWriter
from .shading import remove_plane

NOT_A_MICROGRAPH = "synthetic"
"""rlnMicrographName of noise that comes from no micrograph of its own."""
ENOUGH = 16
"""Real blocks whose spectra are worth keeping one by one; fewer give their fitted mean only."""
SEED = 3
_CHUNK = 64


def phase_randomised(blocks: torch.Tensor, n: int, generator: torch.Generator) -> torch.Tensor:
    """Make blocks with the amplitudes of real ones and random phases.

    Each is a sum of two real blocks with weights of unit square sum, each with random Hermitian
    phases of its own. Where amplitudes vary from block to block as those of Gaussian noise, the
    result is Gaussian noise of the blocks' mean spectrum, and no part of it is a copy.

    Parameters
    ----------
    blocks : (k, m, m) float tensor
        At least one; a single one is mixed with itself under other phases.
    n
        How many to make.
    generator
        Source of randomness, on the device of `blocks`.

    Returns
    -------
    noise : (n, m, m) tensor
    """
    k, m, _ = blocks.shape
    device = blocks.device
    one = torch.randint(k, (n,), generator=generator, device=device)
    other = (one + torch.randint(1, max(k, 2), (n,), generator=generator, device=device)) % k
    angle = torch.rand(n, 1, 1, generator=generator, device=device) * (torch.pi / 2)
    parts = []
    for which, weight in ((one, angle.cos()), (other, angle.sin())):
        white = torch.fft.rfft2(torch.randn(n, m, m, generator=generator, device=device))
        phases = white / white.abs().clamp(min=1e-20)
        parts.append(torch.fft.rfft2(blocks[which]).abs() * phases * weight)
    noise: torch.Tensor = torch.fft.irfft2(parts[0] + parts[1], s=(m, m))
    return noise


def synthetic_parts(writer: BankWriter, numbers: Sequence[int], n: int) -> Iterator[BankPart]:
    """Make `n` synthetic blocks for a bank that is being written.

    Where there are `ENOUGH` real blocks, each micrograph gets phase-randomised ones in proportion
    to its real ones; else noise with the fitted mean spectrum is made.

    Parameters
    ----------
    writer, numbers
        The parts with real blocks.
    n
        How many to make; the same parts give the same blocks.
    """
    filled = [number for number in numbers if writer.count(number)]
    counts = np.array([writer.count(number) for number in filled])
    if counts.sum() >= ENOUGH:
        ends = np.round(n * np.cumsum(counts) / counts.sum()).astype(int)
        for number, share in zip(filled, np.diff(ends, prepend=0), strict=True):
            if share:
                yield phases_part(writer.part(number), int(share), SEED * 1_000_003 + number)
        return
    real = [writer.part(number) for number in filled]
    model = fit_blocks([part.blocks for part in real])
    units = [part.sd / part.blocks.std(axis=(1, 2)) for part in real]
    unit = float(np.median(np.concatenate(units)))
    box = real[0].blocks.shape[-1]
    for start in range(0, n, _CHUNK):
        yield model_part(model, box, min(_CHUNK, n - start), SEED + start, unit)


def phases_part(real: BankPart, n: int, seed: int) -> BankPart:
    """Make `n` phase-randomised blocks from the real ones of one micrograph; they keep its name."""
    generator = torch.Generator().manual_seed(seed)
    blocks = phase_randomised(torch.from_numpy(real.blocks), n, generator).numpy()
    unit = float(np.median(real.sd / real.blocks.std(axis=(1, 2))))
    return _part(real.micrographs[0], blocks, unit, float(real.mean.mean()), PHASES)


def model_part(model: SpectrumModel, box: int, n: int, seed: int, unit: float) -> BankPart:
    """Make `n` blocks of a fitted spectrum, with their planes removed as those of real blocks.

    Parameters
    ----------
    model
        The spectrum.
    box
        Pixels.
    n, seed
        How many; the same seed gives the same blocks.
    unit
        Grey values that the blocks' unit stands for.
    """
    noise = model.draw(n, box, torch.Generator().manual_seed(seed)).numpy()
    blocks = np.stack([remove_plane(block) for block in noise])
    return _part(NOT_A_MICROGRAPH, blocks, unit, 0.0, MODEL)


def _part(
    micrograph: str, blocks: npt.NDArray[np.float32], unit: float, mean: float, source: str
) -> BankPart:
    k = len(blocks)
    return BankPart(
        micrographs=[micrograph] * k,
        blocks=blocks,
        positions=np.zeros((k, 2)),
        mean=np.full(k, mean),
        sd=unit * blocks.std(axis=(1, 2), dtype=np.float64),
        sources=[source] * k,
        groups=[0] * k,
    )
