"""Picks: where the particles of each micrograph are."""

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ...errors import IceblockError
from .pick_boxes import KNOWN
from .pick_formats import PickEntry, read_entries
from .pick_matching import match_entries
from .reader import Micrograph

_Coordinates = npt.NDArray[np.float64]


class Picks:
    """The picks of a data set, by the names of its micrographs.

    Attributes
    ----------
    source
        The file or folder they come from.
    remarks
        Sentences on what is missing or could not be told apart.
    """

    def __init__(
        self,
        source: Path,
        entries: Sequence[PickEntry],
        owners: Sequence[str | None],
        remarks: Sequence[str],
    ) -> None:
        self.source = source
        self.remarks = tuple(remarks)
        self._owners = [(entry.name, owner) for entry, owner in zip(entries, owners, strict=True)]
        self._coordinates = {
            owner: entry.coordinates
            for entry, owner in zip(entries, owners, strict=True)
            if owner is not None and entry.coordinates is not None
        }

    def of(self, name: str) -> _Coordinates | None:
        """Give the picks of the micrograph `name`.

        Returns
        -------
        coordinates
            (n, 2) y, x in pixels of the micrograph from its first pixel, those outside it too;
            None where the picks do not list this micrograph, which is not the same as no picks.
        """
        return self._coordinates.get(name)

    def outside(self, name: str, shape: tuple[int, int]) -> int:
        """Count the picks of the micrograph `name` that lie outside its `shape` (ny, nx)."""
        picks = self.of(name)
        if picks is None:
            return 0
        # A pixel reaches half a pixel to all sides of its coordinates.
        inside = ((picks >= -0.5) & (picks <= np.array(shape) - 0.5)).all(axis=1)
        return int(np.count_nonzero(~inside))

    def unmatched(self, names: Collection[str]) -> tuple[str, ...]:
        """Give the entries, as the picks name them, whose micrograph is not in `names`."""
        known = set(names)
        return tuple(entry for entry, owner in self._owners if owner not in known)

    @property
    def total(self) -> int:
        """Number of picks of all micrographs that are listed."""
        return sum(len(coordinates) for coordinates in self._coordinates.values())


def read_picks(source: Path, micrographs: Sequence[Micrograph]) -> Picks:
    """Read the picks of micrographs.

    Parameters
    ----------
    source
        One of: a list of RELION 4.0 or later (`autopick.star`), `coords_suffix_NAME.star` of
        RELION 3.1, a STAR file with rlnMicrographName, rlnCoordinateX and rlnCoordinateY (a set of
        particles), a STAR file with coordinates or a file of `pick_boxes` that has the name of its
        micrograph, or a folder of such files.
    micrographs
        Those that the picks are wanted for. An entry belongs to the micrograph of the same name,
        or else of the same file name, or stem, where that is unique.

    Raises
    ------
    IceblockError
        For a file that is missing or wrong in some row, two files for one micrograph, pairs that
        mark the ends of helices, and picks of which none belongs to any of the micrographs.
    """
    entries, remarks = read_entries(source)
    if not entries:
        raise IceblockError(f"{source} holds no picks; name {KNOWN}")
    owners, unclear = match_entries(source, entries, micrographs)
    remarks += unclear
    if all(owner is None for owner in owners):
        first = f", which begin with {micrographs[0].name}" if micrographs else ""
        raise IceblockError(
            f"{source} has picks of {len(entries)} micrographs, the first of which it calls "
            f"{entries[0].name}, and none of the {len(micrographs)} micrographs{first}; name the "
            "picks that were made on these micrographs"
        )
    picks = Picks(source, entries, owners, remarks)
    bare = [one.name for one in micrographs if picks.of(one.name) is None]
    if bare:
        picks.remarks += (
            f"{source} has no picks file or row for {len(bare)} of {len(micrographs)} micrographs, "
            f"the first of which is {bare[0]}",
        )
    return picks
