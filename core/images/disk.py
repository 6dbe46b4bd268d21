"""What a failing disk means to the user, and files that appear whole or not at all."""

import contextlib
import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ..errors import IceblockError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def is_full(error: OSError) -> bool:
    """Tell whether `error` says that no space, or no quota, is left."""
    return error.errno in _FULL


def write_error(error: OSError, path: Path) -> IceblockError:
    """Make the sentence for an `OSError` met while writing `path`."""
    if is_full(error):
        left = "the disk quota is used up" if error.errno == errno.EDQUOT else "the disk is full"
        return IceblockError(
            f"{path}: {left} in {path.parent}; free some space there or choose another output "
            "folder, then give the same command again"
        )
    if error.errno == errno.EFBIG:
        return IceblockError(
            f"{path}: the file system, or the limit that `ulimit -f` shows, allows no file of this "
            "size; raise the limit or choose another output folder, then give the same command "
            "again"
        )
    return IceblockError(
        f"{path} cannot be written ({_reason(error)}); check that {path.parent} is there and that "
        "you may write to it, or choose another output folder"
    )


def read_error(error: OSError, path: Path) -> IceblockError:
    """Make the sentence for an `OSError` met while reading `path`."""
    if isinstance(error, FileNotFoundError):
        return IceblockError(f"{path} does not exist; check the name and the folder")
    if isinstance(error, IsADirectoryError):
        return IceblockError(f"{path} is a folder where a file is needed; name the file inside it")
    return IceblockError(
        f"{path} cannot be read ({_reason(error)}); check its permissions and that its disk is "
        "mounted"
    )


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Raise the `read_error` of `path` in the place of an `OSError` inside the block."""
    try:
        yield
    except OSError as error:
        raise read_error(error, path) from error


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Raise the `write_error` of `path` in the place of an `OSError` inside the block."""
    try:
        yield
    except OSError as error:
        raise write_error(error, path) from error


def partial_path(path: Path) -> Path:
    """Give the hidden temporary name, in the same folder, of a `path` that is being written."""
    return path.with_name(f".{path.name}.partial")


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Open a temporary file that takes the name `path` when the block ends without an error.

    Raises
    ------
    IceblockError
        When the disk is full or `path` cannot be written. Nothing is left behind then.
    """
    partial = partial_path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)  # a link there would lead elsewhere
        with partial.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    except OSError as error:
        raise write_error(error, path) from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def write_file(path: Path, content: str | bytes) -> None:
    """Write a whole file, or none; see `replacing`."""
    with replacing(path) as file:
        file.write(content.encode() if isinstance(content, str) else content)


def write_fully(file: BinaryIO, view: memoryview) -> None:
    """Write all of some bytes; one write may take less, as on a disk that fills up."""
    while view:
        view = view[file.write(view) :]


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()
