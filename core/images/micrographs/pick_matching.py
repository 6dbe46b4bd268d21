"""Which micrograph an entry of a set of picks belongs to."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from ...errors import IceblockError
from .pick_formats import PickEntry
from .reader import Micrograph

# What a picker adds to a micrograph's name, as in mic1_autopick.star; a number begins no such
# addition: mic1_2 is another micrograph than mic1.
_ADDED = re.compile(r"(?:[_.-][a-z]+\d?)+", re.I)
_EXACT, _FILE, _STEM, _LONGER = range(4)  # kinds of agreement, the better ones first


def match_entries(
    source: Path, entries: Sequence[PickEntry], micrographs: Sequence[Micrograph]
) -> tuple[list[str | None], list[str]]:
    """Find the micrograph of each entry.

    Parameters
    ----------
    source
        The picks, for messages.
    entries, micrographs
        What is to be brought together.

    Returns
    -------
    owners
        The name of each entry's micrograph; None where it is not among `micrographs` or not clear.
    remarks
        Sentences on what is not clear.

    Raises
    ------
    IceblockError
        For two files of picks of one micrograph.
    """
    names = _Names(micrographs)
    found = [names.find(entry) for entry in entries]
    if len(entries) == len(micrographs) == 1 and found[0] is None and entries[0].file == source:
        # One file for one micrograph: the user has brought them together.
        remark = f"{source} is taken for the picks of {micrographs[0].name}"
        return [micrographs[0].name], [remark]
    claims: dict[str, list[int]] = defaultdict(list)
    for place, match in enumerate(found):
        if match is not None:
            claims[match[1]].append(place)
    owners: list[str | None] = [None] * len(entries)
    unclear = []
    for name, places in claims.items():
        best = min(found[place][0] for place in places if found[place])  # type: ignore[index]
        places = [place for place in places if found[place][0] == best]  # type: ignore[index]
        if len(places) == 1:
            owners[places[0]] = name
            continue
        first, second = (entries[place] for place in places[:2])
        if first.file is not None and second.file is not None:
            raise IceblockError(
                f"{first.file} and {second.file} both hold picks of {name}; put one of them "
                "elsewhere"
            )
        unclear.append(f"{first.name} and {second.name} of {source} may both be {name}")
    return owners, unclear


class _Names:
    """Micrographs by what their picks may call them."""

    def __init__(self, micrographs: Sequence[Micrograph]) -> None:
        self._full = {_normal(one.name): one.name for one in micrographs}
        self._files: dict[str, list[str]] = defaultdict(list)
        self._stems: dict[str, list[str]] = defaultdict(list)
        for one in micrographs:
            path = PurePosixPath(one.name)
            self._files[path.name].append(one.name)
            self._stems[path.stem].append(one.name)

    def find(self, entry: PickEntry) -> tuple[int, str] | None:
        """Give the kind of agreement and the name of the only micrograph that agrees best."""
        path = PurePosixPath(_normal(entry.name))
        if entry.file is None:
            if str(path) in self._full:
                return _EXACT, self._full[str(path)]
            steps = [(_FILE, self._files, path.name), (_STEM, self._stems, path.stem)]
        else:
            steps = [(_STEM, self._stems, path.name)]
            cuts = [n for n in range(len(path.name), 0, -1) if _ADDED.fullmatch(path.name, n)]
            steps += [(_LONGER, self._stems, path.name[:cut]) for cut in cuts]
        for kind, known, key in steps:
            if key in known:
                name = _nearest(path, known[key])
                return None if name is None else (kind, name)
        return None


def _nearest(path: PurePosixPath, names: Sequence[str]) -> str | None:
    """Give the name that shares most folders, from the last, with `path`; None if several do."""
    shared = [_shared_folders(path, PurePosixPath(_normal(name))) for name in names]
    best = max(shared)
    return names[shared.index(best)] if shared.count(best) == 1 else None


def _shared_folders(first: PurePosixPath, second: PurePosixPath) -> int:
    pairs = zip(reversed(first.parts[:-1]), reversed(second.parts[:-1]), strict=False)
    count = 0
    for one, other in pairs:
        if one != other:
            break
        count += 1
    return count


def _normal(name: str) -> str:
    return os.path.normpath(name)
