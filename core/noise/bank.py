"""A noise bank: a folder with blocks of pure noise (blocks.mrcs) and what is known of each.

RELION's own programs open its blocks.star. Beside RELION's columns each row has rlnIceblockMean
and rlnIceblockSd, the block's grey values before it was scaled, and rlnIceblockSource, which says
where the block comes from: `real`, `phases` or `model`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from ..errors import IceblockError
from ..images.input_file import is_file, is_folder
from ..images.mrc.reader import Stack, read_header, read_images
from ..images.star.particles import StarParticles
from ..images.star.tokens import unquote

BLOCKS, TABLE = "blocks.mrcs", "blocks.star"
REAL, PHASES, MODEL = "real", "phases", "model"
SAME_PIXEL_SIZE = 0.01
"""Pixel sizes that differ by no more than this part count as one."""

_NUMBERS = {
    "y": "_rlnCoordinateY",
    "x": "_rlnCoordinateX",
    "mean": "_rlnIceblockMean",
    "sd": "_rlnIceblockSd",
}
_SOURCE, _MICROGRAPH = "_rlnIceblockSource", "_rlnMicrographName"
_OPTICS = {
    "voltage": "_rlnVoltage",
    "spherical_aberration": "_rlnSphericalAberration",
    "amplitude_contrast": "_rlnAmplitudeContrast",
}
# Blocks are handed out in pieces of about this many bytes.
_PIECE_BYTES = 32 << 20


@dataclass(frozen=True)
class OpticsGroup:
    """What RELION wants to know of a group of blocks."""

    pixel_size: float
    """Å."""
    voltage: float = 300.0
    """kV."""
    spherical_aberration: float = 2.7
    """mm."""
    amplitude_contrast: float = 0.1


@dataclass(frozen=True, eq=False)
class NoiseBank:
    """The blocks of a bank, read from the disk when they are asked for.

    Attributes
    ----------
    path
        The STAR file.
    table
        One row a block: `micrograph`; `y`, `x` of the block's centre in pixels of the micrograph;
        `mean`, `sd` in its grey values; `source`; `group`, the place in `optics`.
    optics
        The optics groups.
    pixel_size
        Å.
    box
        Side of a block in pixels.
    stacks, stack_ids, indices
        The image files, and for each block its file's place and its own in the file.
    """

    path: Path
    table: pd.DataFrame
    optics: tuple[OpticsGroup, ...]
    pixel_size: float
    box: int
    stacks: tuple[Stack, ...]
    stack_ids: npt.NDArray[np.int32]
    indices: npt.NDArray[np.int64]

    @property
    def n(self) -> int:
        """Number of blocks."""
        return len(self.indices)

    @classmethod
    def read(cls, path: Path) -> NoiseBank:
        """Read the table of a bank.

        Parameters
        ----------
        path
            The folder, its blocks.star, or a selection that RELION made from that.

        Raises
        ------
        IceblockError
            For anything that is not a noise bank, or one that lacks its blocks.
        """
        folder = is_folder(path)
        star = path / TABLE if folder else path
        if folder and not is_file(star):
            raise IceblockError(
                f"{path} holds no noise bank (there is no {TABLE} in it); name a folder that "
                "`iceblock noise` made"
            )
        particles = StarParticles.read(star)
        table = _read_table(particles)
        stacks = tuple(_find_stack(particles, name) for name in particles.stacks)
        bank = cls(
            path=star,
            table=table,
            optics=_read_optics(particles),
            pixel_size=float(particles.pixel_sizes[0]),
            box=stacks[0].box_x,
            stacks=stacks,
            stack_ids=particles.stack_ids,
            indices=particles.indices,
        )
        bank._check(particles)
        return bank

    def blocks(self, rows: npt.ArrayLike | None = None) -> npt.NDArray[np.float32]:
        """Read blocks.

        Parameters
        ----------
        rows
            (k,) 0-based rows of `table`, in any order; all by default.

        Returns
        -------
        blocks : (k, box, box) float32
            In units of their micrographs' background sd.
        """
        wanted = np.arange(self.n) if rows is None else np.asarray(rows, dtype=np.int64).ravel()
        blocks = np.empty((len(wanted), self.box, self.box), dtype=np.float32)
        for number in np.unique(self.stack_ids[wanted]):
            here = np.flatnonzero(self.stack_ids[wanted] == number)
            blocks[here] = read_images(self.stacks[number], self.indices[wanted[here]])
        return blocks

    def pieces(self) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]]:
        """Read all blocks in order, as rows (k,) and blocks (k, box, box) that fit into memory."""
        step = max(1, _PIECE_BYTES // (4 * self.box**2))
        for start in range(0, self.n, step):
            rows = np.arange(start, min(start + step, self.n))
            yield rows, self.blocks(rows)

    def sample(self, n: int) -> npt.NDArray[np.int64]:
        """Give at most `n` rows spread evenly over the bank."""
        return np.unique(np.linspace(0, self.n - 1, min(n, self.n)).round().astype(np.int64))

    def _check(self, particles: StarParticles) -> None:
        """Compare the rows with the headers of the stacks, and the pixel sizes with each other."""
        counts = np.array([stack.n_images for stack in self.stacks])
        beyond = np.flatnonzero(self.indices >= counts[self.stack_ids])
        if len(beyond):
            row = int(beyond[0])
            raise IceblockError(
                f"{self.path}: row {row + 1} names {particles.names[row]}, and that stack has "
                f"only {counts[self.stack_ids[row]]} blocks; make the bank again"
            )
        for stack in self.stacks:
            if (stack.box_y, stack.box_x) != (self.box, self.box):
                raise IceblockError(
                    f"{self.path} names blocks of {self.box} pixels and, in {stack.path}, images "
                    f"of {stack.box_x} x {stack.box_y}; name one bank at a time"
                )
        sizes = particles.pixel_sizes
        if np.ptp(sizes) > SAME_PIXEL_SIZE * sizes.min():
            raise IceblockError(
                f"{self.path} mixes pixel sizes from {sizes.min():g} to {sizes.max():g} Å; name "
                "one bank at a time"
            )


def _read_table(particles: StarParticles) -> pd.DataFrame:
    rows = particles.table
    if _SOURCE not in rows:
        raise IceblockError(
            f"{particles.source} is no noise bank (its rows have no {_SOURCE[1:]}); name a folder "
            "or a blocks.star that `iceblock noise` made"
        )
    columns: dict[str, Any] = {"micrograph": [unquote(t) for t in rows.column(_MICROGRAPH)]}
    columns |= {name: rows.floats(tag) for name, tag in _NUMBERS.items()}
    columns["source"] = [unquote(token) for token in rows.column(_SOURCE)]
    columns["group"] = particles.optics_groups
    return pd.DataFrame(columns)


def _read_optics(particles: StarParticles) -> tuple[OpticsGroup, ...]:
    sizes = particles.pixel_sizes
    table = particles.optics.table
    if table is None:
        return (OpticsGroup(float(sizes[0])),)
    known = {name: table.floats(tag) for name, tag in _OPTICS.items() if tag in table}
    groups = []
    for place in range(len(table)):
        own = sizes[particles.optics_groups == place]
        values = {name: float(column[place]) for name, column in known.items()}
        groups.append(OpticsGroup(float(own[0] if len(own) else sizes[0]), **values))
    return tuple(groups)


def _find_stack(particles: StarParticles, name: str) -> Stack:
    """Find a stack beside the STAR file, so that a bank can be moved, or where it is named."""
    beside = particles.source.parent / Path(name).name
    return read_header(beside if is_file(beside) else particles.path_of(name))
