"""Open a user's files: ordinary ones only, and none that the memory cannot hold."""

import os
import resource
import stat
from pathlib import Path
from typing import BinaryIO

from ..errors import IceblockError
from .disk import read_error, reading


def open_input(path: Path) -> BinaryIO:
    """Open a file for unbuffered reading.

    Raises
    ------
    IceblockError
        For a file that is missing or unreadable, and for a pipe or a device, which could be waited
        for forever or have no end.
    """
    try:
        file = _open(path)
    except OSError as error:
        raise read_error(error, path) from error
    except ValueError as error:  # a NUL in the name
        raise read_error(FileNotFoundError(), path) from error
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise IceblockError(
            f"{path} is no ordinary file but a pipe or a device; name a file on a disk"
        )
    return file


def read_whole(path: Path) -> bytes:
    """Read all of a file; IceblockError as for `open_input`, and for one beyond the memory."""
    with open_input(path) as file:
        refuse_beyond_memory(path, os.fstat(file.fileno()).st_size)
        with reading(path):
            return file.read()


def is_file(path: Path) -> bool:
    """Tell whether there is a file; False for a name that none can have, as one too long."""
    return os.path.isfile(path)  # noqa: PTH113


def is_folder(path: Path) -> bool:
    """Tell whether there is a folder; False for a name that none can have."""
    return os.path.isdir(path)  # noqa: PTH112


def refuse_beyond_memory(path: Path, needed: int) -> None:
    """Raise IceblockError where what is made of a file is larger than the memory that is left.

    Parameters
    ----------
    path
        The file, for the message.
    needed
        Bytes.
    """
    # Looking takes longer than reading a small file.
    if needed < 1 << 26:
        return
    left = _memory_left()
    if left is not None and needed > left:
        raise IceblockError(
            f"{path} needs {needed / 1e9:.3g} GB of memory and {left / 1e9:.3g} GB are left; check "
            "that the file is what it should be, or use a machine or a queue with more memory"
        )


def _memory_left() -> int | None:
    """Bytes that this process can still take; None where the system does not tell."""
    try:
        status = Path("/proc/meminfo").read_text()
        pages = int(Path("/proc/self/statm").read_text().split()[0])
    except OSError:
        return None
    lines = dict(line.split(":", 1) for line in status.splitlines())
    left = int(lines["MemAvailable"].split()[0]) * 1024
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return left
    return min(left, limit - pages * resource.getpagesize())


def _open(path: Path) -> BinaryIO:
    # A pipe that nobody writes to would hold up a plain open; disks take no notice.
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.fdopen(number, "rb", buffering=0)
    except OSError:  # a folder
        os.close(number)
        raise
