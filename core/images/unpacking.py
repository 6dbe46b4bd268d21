"""Read gzipped files piece by piece, and nothing that lies behind what is packed."""

import zlib
from typing import BinaryIO

_PIECE = 1 << 16
_MARK = b"\x1f\x8b"


class Unpacked:
    """The contents of a gzipped file.

    What follows the last packed part is left out: Python's own reader goes through padding to its
    end, which a file with holes may not have in a lifetime.

    Parameters
    ----------
    file
        At the beginning of the packed file.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._unpacker = zlib.decompressobj(wbits=31)

    def read(self, count: int) -> bytes:
        """Read `count` bytes, or what is left of them.

        Raises
        ------
        EOFError
            For a file that is cut short.
        zlib.error
            For one that is damaged or not gzipped.
        """
        parts = []
        while count > 0:
            part = self._next(count)
            if not part:
                break
            parts.append(part)
            count -= len(part)
        return b"".join(parts)

    def _next(self, most: int) -> bytes:
        """Unpack some bytes; none at the end."""
        while True:
            if self._unpacker.eof:
                packed = self._unpacker.unused_data or self._file.read(_PIECE)
                if not packed.startswith(_MARK):
                    return b""
                self._unpacker = zlib.decompressobj(wbits=31)
            else:
                packed = self._unpacker.unconsumed_tail or self._file.read(_PIECE)
                if not packed:
                    raise EOFError("the file is cut short")
            part = self._unpacker.decompress(packed, most)
            if part:
                return part
