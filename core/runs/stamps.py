"""What a file is, by what it holds: neither its place nor its dates count.

A project is moved, copied, or seen under another path from another machine, and stays the same.
A run knows its inputs by their `stamp`; cards and records that are published have the
`fingerprint`; and the `moment` tells whether inputs change while a run reads them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from ..images.disk import reading
from ..noise.bank import BLOCKS, TABLE

WHOLE = 1 << 20
"""Files up to so many bytes are read whole."""
SAMPLES, SAMPLE_BYTES = 16, 4096
"""Of a larger file its beginning, with the header, its end, and places between."""
_READERS = 16


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    with reading(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def moment(paths: Iterable[Path]) -> str:
    """SHA-256 over names, sizes and dates, to see whether files change during a run."""
    digest = hashlib.sha256()
    for path in paths:
        with reading(path):
            status = path.stat()
        stamp = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(stamp.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def sampled(path: Path) -> str:
    """SHA-256 of the size and of samples of the bytes, for files too large to be read twice.

    Raises
    ------
    IceblockError
        If the file cannot be read.
    """
    with reading(path), path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        digest = hashlib.sha256(f"{size}\n".encode())
        if size <= WHOLE:
            digest.update(file.readall())
            return digest.hexdigest()
        last = size - SAMPLE_BYTES
        for number in range(SAMPLES):
            place = last * number // (SAMPLES - 1)
            digest.update(os.pread(file.fileno(), SAMPLE_BYTES, place))
        return digest.hexdigest()


def sampled_all(paths: Iterable[Path]) -> dict[Path, str]:
    """Sample many files, several at a time, because a disk elsewhere answers slowly."""
    different = list(dict.fromkeys(paths))
    with ThreadPoolExecutor(_READERS) as pool:
        return dict(zip(different, pool.map(sampled, different), strict=True))


def stamp(path: Path) -> str:
    """Name an input file with what it holds; of a noise bank, its table and its blocks.

    Parameters
    ----------
    path
        A file, or the folder of a noise bank.
    """
    table = path / TABLE if path.is_dir() else path
    words = f"{table.name} {fingerprint(table)}"
    blocks = table.with_name(BLOCKS)
    if table.name == TABLE and blocks.is_file():
        words += f" {sampled(blocks)}"
    return words


def stamps(paths: Sequence[Path]) -> list[str]:
    """Give the `stamp` of each file."""
    return [stamp(path) for path in paths]
