"""Make a noise bank micrograph by micrograph, in constant memory.

The blocks of each micrograph go to a file of their own in a work folder. A run that is stopped at
any point leaves whole files there; a writer made again keeps them, and the bank that is put
together from them at the end has the same bytes as that of an undisturbed run.
"""

from __future__ import annotations

import itertools
import json
import lzma
import shutil
import struct
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast
from zipfile import BadZipFile, ZipFile

import numpy as np
import numpy.typing as npt

from ..errors import IceblockError
from ..images.array_file import read_array
from ..images.disk import read_error, replacing
from ..images.input_file import open_input
from .bank import TABLE, NoiseBank, OpticsGroup
from .bank_table import BankPart, write_bank

T = TypeVar("T")

WORK = "Working"
"""The work folder inside the bank's, until `BankWriter.clean`."""

_COLUMNS = ("micrographs", "blocks", "positions", "mean", "sd", "sources", "groups")
_DAMAGED = (
    ValueError, TypeError, LookupError, EOFError, RecursionError, RuntimeError, BadZipFile,
    zlib.error, struct.error, lzma.LZMAError,
)  # fmt: skip


class BankWriter:
    """Write a bank part by part; a stopped one is continued.

    Parameters
    ----------
    folder
        Gets blocks.mrcs and blocks.star, and `WORK` while the bank is made.
    box
        Pixels.
    optics
        The optics groups.
    """

    def __init__(self, folder: Path, box: int, optics: Sequence[OpticsGroup]) -> None:
        self.folder = folder
        self._box = box
        self._optics = list(optics)

    def of_box(self, box: int) -> BankWriter:
        """Give a writer of blocks of another box in the same folder."""
        return BankWriter(self.folder, box, self._optics)

    @property
    def whole(self) -> bool:
        """Whether the bank is there, whole."""
        return (self.folder / TABLE).is_file()

    def has(self, number: int) -> bool:
        """Tell whether part `number` is in the work folder."""
        return self._path(number).is_file()

    def add(self, number: int, part: BankPart) -> None:
        """Write part `number` to the work folder, whole or not at all.

        Raises
        ------
        IceblockError
            When the disk is full or cannot be written.
        """
        if part.blocks.shape[1:] != (self._box, self._box):
            raise ValueError(f"blocks are {part.blocks.shape}, not (k, {self._box}, {self._box})")
        with replacing(self._path(number)) as file:
            np.savez(
                file,
                micrographs=np.array(part.micrographs, dtype=np.str_),
                blocks=np.asarray(part.blocks, dtype=np.float32),
                positions=np.asarray(part.positions, dtype=np.float64).reshape(-1, 2),
                mean=np.asarray(part.mean, dtype=np.float64),
                sd=np.asarray(part.sd, dtype=np.float64),
                sources=np.array(part.sources, dtype=np.str_),
                groups=np.array(part.groups, dtype=np.int64),
                facts=np.array(json.dumps(dict(part.facts))),
            )

    def part(self, number: int) -> BankPart:
        """Read part `number` back; a damaged one raises IceblockError."""
        return self._load(number, _part)

    def facts(self, number: int) -> dict[str, Any]:
        """Read the facts of part `number`, without its blocks."""
        return self._load(number, _facts)

    def count(self, number: int) -> int:
        """Give the number of blocks of part `number`, without reading them."""
        return self._load(number, lambda stored: len(stored["mean"]))

    def assemble(
        self,
        numbers: Sequence[int],
        more: Iterable[BankPart] = (),
        n_more: int = 0,
        watch: Callable[[], None] = lambda: None,
    ) -> NoiseBank:
        """Put the bank together from these parts, in this order; the work folder stays.

        Parameters
        ----------
        numbers
            Of the parts.
        more, n_more
            Further parts, made as they are needed, and how many blocks they hold in all.
        watch
            Called before every part; may raise to stop.

        Raises
        ------
        IceblockError
            When there is no block at all, and when the disk fails.
        """
        total = sum(self.count(number) for number in numbers) + n_more

        def parts() -> Iterator[BankPart]:
            for part in itertools.chain((self.part(number) for number in numbers), more):
                watch()
                yield part

        return write_bank(self.folder, parts(), total, self._box, self._optics)

    def clean(self) -> None:
        """Remove the work folder: nothing is left to be continued."""
        shutil.rmtree(self.folder / WORK, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self.folder / WORK / f"{number + 1:06d}.npz"

    def _load(self, number: int, take: Callable[[_Stored], T]) -> T:
        path = self._path(number)
        try:
            with open_input(path) as file, ZipFile(file) as archive:
                return take(_Stored(archive))
        except OSError as error:
            raise read_error(error, path) from error
        except _DAMAGED as error:
            raise IceblockError(
                f"{path} is damaged; remove it and give the same command again"
            ) from error


class _Stored:
    """The arrays of a part, read one by one."""

    def __init__(self, archive: ZipFile) -> None:
        self._archive = archive

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        member = self._archive.getinfo(f"{name}.npy")
        # They are written as they are: what claims to be packed may have no end.
        if member.file_size > member.compress_size:
            raise ValueError(f"{name} is compressed")
        with self._archive.open(member) as file:
            return read_array(cast("BinaryIO", file), member.file_size)


def _part(stored: _Stored) -> BankPart:
    columns: dict[str, Any] = {name: stored[name] for name in _COLUMNS}
    if len({len(column) for column in columns.values()}) > 1 or columns["blocks"].ndim != 3:
        raise ValueError("the columns have different lengths")
    for name in ("micrographs", "sources", "groups"):
        columns[name] = columns[name].tolist()
    return BankPart(**columns, facts=_facts(stored))


def _facts(stored: _Stored) -> dict[str, Any]:
    facts = json.loads(str(stored["facts"]))
    if not isinstance(facts, dict):
        raise ValueError("facts is no dictionary")
    return facts
