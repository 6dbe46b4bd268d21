"""From denoised micrographs back to the raw ones: their names, and how coordinates change."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from ...errors import IceblockError
from ..star.document import StarFile
from ..star.micrograph_links import RAW, SCALE
from ..star.tokens import unquote
from .table import NAME

TABLE = "micrographs.star"
"""Lies beside the folder of denoised micrographs."""
_JOB = re.compile(r"^(?:.*/)?[^/]+/job\d{3,}/")


@dataclass(frozen=True)
class RawMicrograph:
    """What a denoised micrograph was made of.

    Attributes
    ----------
    name
        Of the raw micrograph, as the denoised set's table names it.
    scale
        A coordinate in the denoised micrograph times this is that in the raw one.
    """

    name: str
    scale: float


@dataclass(frozen=True)
class RawNames:
    """The raw micrographs of denoised ones, found by the tables that lie beside those.

    Attributes
    ----------
    root
        Where relative names start.
    """

    root: Path
    _known: dict[Path, dict[str, RawMicrograph]] = field(default_factory=dict)

    def of(self, name: str) -> RawMicrograph | None:
        """Give the raw micrograph of the denoised `name`; None where it is no denoised one."""
        table = self.root / PurePosixPath(name).parent.parent / TABLE
        if table not in self._known:
            self._known[table] = raw_of_table(table) if table.is_file() else {}
        found = self._known[table]
        return found.get(name) or found.get(PurePosixPath(name).name)

    def required(self, name: str, source: Path) -> RawMicrograph:
        """Give the raw micrograph of `name`; an IceblockError where it is not known."""
        found = self.of(name)
        if found is None:
            raise IceblockError(
                f"{source} names the micrograph {name}, and no {TABLE} beside it tells its raw "
                "one: put the folder back, or name picks that were made on denoised micrographs"
            )
        return found


def raw_of_table(table: Path) -> dict[str, RawMicrograph]:
    """Read a table of denoised micrographs: by their names, and by their file names alone.

    It is empty for a table of other micrographs.
    """
    star = StarFile.read(table)
    rows = star.find(RAW)
    if rows is None or NAME not in rows:
        return {}
    scales = rows.floats(SCALE).tolist() if SCALE in rows else [1.0] * len(rows)
    made = {}
    for token, raw, scale in zip(rows.column(NAME), rows.column(RAW), scales, strict=True):
        known = RawMicrograph(unquote(raw), scale)
        made[unquote(token)] = made[PurePosixPath(unquote(token)).name] = known
    return made


def without_job(name: str) -> str:
    """Give a file name without the folder of the job that made it, as RELION 3.1 names picks."""
    return _JOB.sub("", name)
