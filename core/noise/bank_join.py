"""One noise bank from several."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from .bank import SAME_PIXEL_SIZE, TABLE, NoiseBank
from .bank_table import BankPart, write_bank
from .shading import remove_plane


def join(banks: Sequence[NoiseBank], out: Path, crop: bool = False) -> NoiseBank:
    """Write the blocks of several banks into a new one, in their order.

    Each optics group of each bank stays an optics group of its own, so that blocks can still be
    told apart by data set.

    Parameters
    ----------
    banks
        At least one.
    out
        Folder of the new bank.
    crop
        Cut the blocks of larger boxes down to the smallest box, about their centres; their planes
        are removed anew and `sd` follows.

    Raises
    ------
    IceblockError
        For banks of different boxes (without `crop`) or pixel sizes, a bank given twice, and a
        folder that holds a bank.
    """
    _check(banks, out, crop)
    box = min(bank.box for bank in banks)
    optics = [group for bank in banks for group in bank.optics]
    return write_bank(out, _parts(banks, box), sum(bank.n for bank in banks), box, optics)


def _parts(banks: Sequence[NoiseBank], box: int) -> Iterator[BankPart]:
    group = 0
    for bank in banks:
        for rows, blocks in bank.pieces():
            table = bank.table.iloc[rows]
            sd = table["sd"].to_numpy()
            if bank.box != box:
                blocks, gain = _crop(blocks, box)
                sd = sd * gain
            yield BankPart(
                micrographs=table["micrograph"].tolist(),
                blocks=blocks,
                positions=table[["y", "x"]].to_numpy(),
                mean=table["mean"].to_numpy(),
                sd=sd,
                sources=table["source"].tolist(),
                groups=(table["group"] + group).tolist(),
            )
        group += len(bank.optics)


def _crop(
    blocks: npt.NDArray[np.float32], box: int
) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float64]]:
    """Cut blocks down about pixel box // 2; also give the ratio of their sd to that before."""
    start = blocks.shape[-1] // 2 - box // 2
    cut = blocks[:, start : start + box, start : start + box]
    cropped = np.stack([remove_plane(block) for block in cut])
    before = blocks.std(axis=(1, 2), dtype=np.float64)
    return cropped, cropped.std(axis=(1, 2), dtype=np.float64) / np.maximum(before, 1e-12)


def _check(banks: Sequence[NoiseBank], out: Path, crop: bool) -> None:
    first = banks[0]
    if (out / TABLE).exists():
        raise IceblockError(f"{out} already holds a noise bank; choose another output folder")
    paths = [bank.path.resolve() for bank in banks]
    for place, (bank, path) in enumerate(zip(banks, paths, strict=True)):
        if path in paths[:place]:
            raise IceblockError(f"{bank.path} is given twice; give each bank once")
        if bank.box != first.box and not crop:
            raise IceblockError(
                f"{first.path} has blocks of {first.box} pixels and {bank.path} of {bank.box}; "
                "give --crop to cut the larger ones down, or cut them anew with one --box"
            )
        sizes = (first.pixel_size, bank.pixel_size)
        if max(sizes) > (1 + SAME_PIXEL_SIZE) * min(sizes):
            raise IceblockError(
                f"{first.path} has {first.pixel_size:g} Å per pixel and {bank.path} "
                f"{bank.pixel_size:g} Å; only banks of one pixel size can be joined"
            )
