"""Write a noise bank from blocks in order: the stack first, then the table that makes it whole."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import IceblockError
from ..images.disk import replacing
from ..images.mrc.writer import StackWriter
from ..images.project_root import name_from_here
from ..images.star.document import quote
from ..images.star.image_names import image_name
from .bank import BLOCKS, REAL, TABLE, NoiseBank

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    import numpy as np
    import numpy.typing as npt

    from .bank import OpticsGroup

_OPTICS = (
    "rlnOpticsGroupName",
    "rlnOpticsGroup",
    "rlnVoltage",
    "rlnSphericalAberration",
    "rlnAmplitudeContrast",
    "rlnImagePixelSize",
    "rlnImageSize",
    "rlnImageDimensionality",
)
_ROWS = (
    "rlnCoordinateX",
    "rlnCoordinateY",
    "rlnImageName",
    "rlnMicrographName",
    "rlnOpticsGroup",
    "rlnIceblockMean",
    "rlnIceblockSd",
    "rlnIceblockSource",
)


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
    name = quote(name_from_here(stack))
    rows: list[str] = []
    with StackWriter(stack, total, box, optics[0].pixel_size, resume=False) as writer:
        for part in parts:
            if len(part.blocks):
                writer.append(part.blocks)
            rows += _rows(part, len(rows), name)
    with replacing(folder / TABLE) as file:
        file.write(loop("optics", _OPTICS, _optics_rows(optics, box)).encode())
        file.write(loop("particles", _ROWS, rows).encode())
    return NoiseBank.read(folder)


def loop(name: str, tags: Iterable[str], rows: Iterable[str]) -> str:
    """Give the text of a STAR table; the values of a row are joined by blanks already."""
    head = ["", "# version 30001", "", f"data_{name}", "", "loop_"]
    head += [f"_{tag} #{number}" for number, tag in enumerate(tags, 1)]
    return "\n".join([*head, *rows, "", ""])


def _optics_rows(optics: Sequence[OpticsGroup], box: int) -> list[str]:
    return [
        f"opticsGroup{number} {number} {group.voltage:g} {group.spherical_aberration:g} "
        f"{group.amplitude_contrast:g} {group.pixel_size:.7g} {box} 2"
        for number, group in enumerate(optics, 1)
    ]


def _rows(part: BankPart, first: int, stack: str) -> list[str]:
    """Give a row for each block; the first of them is image `first` (0-based) of the stack."""
    columns = (
        part.micrographs,
        part.positions.tolist(),
        part.groups,
        part.mean.tolist(),
        part.sd.tolist(),
        part.sources,
    )
    return [
        f"{x:.2f} {y:.2f} {image_name(index, stack)} {quote(micrograph)} {group + 1} "
        f"{mean:.7g} {sd:.7g} {source}"
        for index, (micrograph, (y, x), group, mean, sd, source) in enumerate(
            zip(*columns, strict=True), first
        )
    ]
