"""Bytes in MRC files (mode 0): whether they go from -128 to 127 or from 0 to 255.

The standard of 2014 says signed, and so RELION (from 3.1 on) and mrcfile read them. Many programs
wrote unsigned ones. IMOD marks its files; where there is no mark, the grey levels tell: those that
lie together in one reading are torn apart in the other.
"""

import os
from typing import BinaryIO

import numpy as np
import numpy.typing as npt

_STAMP, _STAMP_PLACE = 1146047817, 152  # IMOD's header: imodStamp, then imodFlags
_SIGNED_BYTES = 1  # bit of imodFlags
_SIGMAS = 5.0  # by which the spreads of the two readings must differ, about
_PIECES, _PIECE_BYTES = 64, 1 << 16
IMOD_ZERO = -128
"""What IMOD writes for 0 into signed bytes."""

Counts = npt.NDArray[np.intp]


def imod_says_unsigned(header: bytes) -> bool | None:
    """Read IMOD's mark in the first 1024 bytes of a file; None where there is none."""
    for order in "<>":
        stamp, flags = np.frombuffer(header, f"{order}i4", count=2, offset=_STAMP_PLACE).tolist()
        if stamp == _STAMP:
            return not flags & _SIGNED_BYTES
    return None


def count_bytes(file: BinaryIO, offset: int, size: int) -> Counts:
    """Count the 256 values of a byte in pieces spread evenly over part of a file.

    Parameters
    ----------
    file
        Open for reading.
    offset, size
        Where the part begins, and its length in bytes.
    """
    counts = np.zeros(256, np.intp)
    starts = np.linspace(0, max(0, size - _PIECE_BYTES), _PIECES).astype(np.int64)
    for start in np.unique(starts).tolist():
        file.seek(offset + start, os.SEEK_SET)
        data = file.read(min(_PIECE_BYTES, size - start))
        counts += np.bincount(np.frombuffer(data, np.uint8), minlength=256)
    return counts


def levels_say_unsigned(counts: Counts) -> bool | None:
    """Tell from the grey levels; None where both readings give the same image but for its mean.

    Levels without any order, as few images of noise can have, are taken as signed.

    Parameters
    ----------
    counts
        (256,) how often each value of an unsigned byte occurs.
    """
    if not counts[:128].any() or not counts[128:].any():
        return None
    chance = min(0.5, _SIGMAS / float(np.sqrt(counts.sum())))
    signed = _spread(counts, np.r_[:128, -128:0])
    return _spread(counts, np.arange(256)) < signed * (1 - chance)


def zero_of_mask(counts: Counts, marked: bool) -> int:
    """Give the value of a mask of signed bytes that stands for nothing: 0, or -128 as in IMOD.

    Parameters
    ----------
    counts
        (256,) how often each value of an unsigned byte occurs in the mask.
    marked
        Whether IMOD's mark says that the bytes are signed.
    """
    zeros, lowest = int(counts[0]), int(counts[128])
    others = int(np.count_nonzero(counts)) > 2
    found = lowest > 0 and (marked or zeros == 0 or (others and lowest > zeros))
    return IMOD_ZERO if found else 0


def _spread(counts: Counts, values: Counts) -> float:
    mean = np.average(values, weights=counts)
    return float(np.average((values - mean) ** 2, weights=counts))
