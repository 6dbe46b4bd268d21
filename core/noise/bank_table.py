"""Write a noise bank from blocks in order: the stack first, then the table that makes it whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.mrc.writer import StackWriter
from ..images.project_root import name_from_here
from ..images.star.image_names import image_name
from ..images.star.writer import loop, write_blocks
from .bank import BLOCKS, REAL, TABLE, NoiseBank, OpticsGroup


@dataclass(frozen=True)
class BankPart:
    """Some blocks, most often those of one micrograph."""

    micrographs: Sequence[str]
    """(k,) names."""
    blocks: npt.NDArray[np.float32]
    """(k, box, box) in units of the micrograph's background sd."""
    positions: npt.NDArray[np.float64]
    """(k, 2) y, x of the centres in pixels of the micrograph."""
    mean: npt.NDArray[np.float64]
    """(k,) in grey values of the micrograph."""
    sd: npt.NDArray[np.float64]
    """(k,) likewise."""
    sources: Sequence[str]
    """(k,) `real`, `phases` or `model`."""
    groups: Sequence[int]
    """(k,) optics groups, counted from 0."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What else is to be remembered until the bank is whole; anything that JSON holds."""

    @classmethod
    def of_micrograph(
        cls,
        name: str,
        blocks: npt.NDArray[np.float32],
        positions: npt.NDArray[np.float64],
        mean: npt.NDArray[np.float64],
        sd: npt.NDArray[np.float64],
        facts: Mapping[str, Any] | None = None,
    ) -> BankPart:
        """Make a part of real blocks of one micrograph."""
        k = len(blocks)
        return cls([name] * k, blocks, positions, mean, sd, [REAL] * k, [0] * k, facts or {})


def write_bank(
    folder: Path, parts: Iterable[BankPart], total: int, box: int, optics: Sequence[OpticsGroup]
) -> NoiseBank:
    """Write blocks.mrcs and then blocks.star, each whole or not at all.

    Parameters
    ----------
    folder
        Of the bank.
    parts
        In order; one is in memory at a time.
    total
        Number of blocks in all parts.
    box
        Pixels.
    optics
        The optics groups.

    Raises
    ------
    IceblockError
        For a bank without blocks, and when the disk fails.
    """
    if total < 1:
        raise IceblockError(f"{folder} would be a noise bank without blocks; add some blocks")
    stack = folder / BLOCKS
    rows: dict[str, list[object]] = {}
    with StackWriter(stack, total, box, optics[0].pixel_size, resume=False) as writer:
        for part in parts:
            if len(part.blocks):
                writer.append(part.blocks)
            for tag, values in _columns(part).items():
                rows.setdefault(tag, []).extend(values)
    name = name_from_here(stack)
    rows["rlnImageName"] = [image_name(index, name) for index in range(total)]
    write_blocks(folder / TABLE, loop("optics", _optics(optics, box)), loop("particles", rows))
    return NoiseBank.read(folder)


def _optics(optics: Sequence[OpticsGroup], box: int) -> dict[str, Sequence[object]]:
    numbers = range(1, len(optics) + 1)
    return {
        "rlnOpticsGroupName": [f"opticsGroup{number}" for number in numbers],
        "rlnOpticsGroup": numbers,
        "rlnVoltage": [f"{group.voltage:g}" for group in optics],
        "rlnSphericalAberration": [f"{group.spherical_aberration:g}" for group in optics],
        "rlnAmplitudeContrast": [f"{group.amplitude_contrast:g}" for group in optics],
        "rlnImagePixelSize": [f"{group.pixel_size:.7g}" for group in optics],
        "rlnImageSize": [box for _ in optics],
        "rlnImageDimensionality": [2 for _ in optics],
    }


def _columns(part: BankPart) -> dict[str, Sequence[object]]:
    return {
        "rlnCoordinateX": [f"{x:.2f}" for _, x in part.positions.tolist()],
        "rlnCoordinateY": [f"{y:.2f}" for y, _ in part.positions.tolist()],
        "rlnImageName": [],
        "rlnMicrographName": part.micrographs,
        "rlnOpticsGroup": [group + 1 for group in part.groups],
        "rlnIceblockMean": [f"{mean:.7g}" for mean in part.mean.tolist()],
        "rlnIceblockSd": [f"{sd:.7g}" for sd in part.sd.tolist()],
        "rlnIceblockSource": part.sources,
    }
