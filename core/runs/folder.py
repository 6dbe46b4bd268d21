"""The output folder of a run: whose it is, and who may write to it now."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TextIO

from ..errors import IceblockError
from ..images.disk import write_error, writing
from .record import FINISHED, RECORD, RUNNING, R, RunRecord, read_record

LOCK = ".iceblock.lock"
HELPERS_LOCK = ".iceblock.helpers.lock"
PATIENCE = 30.0
"""Seconds to wait for the helpers of a run whose first process is gone: they end after a batch."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder and keep other runs out of it inside the `with` block.

    The lock goes with the process, however it ends. Processes that help it hold a lock of their own
    (`helping`), so that none of them can write into a later run's outputs. File systems without
    locks are used unlocked.

    Raises
    ------
    IceblockError
        If another run is writing to the folder, or it cannot be made.
    """
    path = folder / LOCK
    with _lock(path):
        try:
            _outlast_helpers(folder / HELPERS_LOCK)
            yield
        finally:
            _forget_helpers(folder / HELPERS_LOCK)
            with contextlib.suppress(OSError):
                path.unlink()


@contextlib.contextmanager
def helping(folder: Path) -> Iterator[None]:
    """Keep later runs out of a folder while this process writes there for the run that has it.

    Whoever enters must make sure afterwards that the run's first process is still there.
    """
    path = folder / HELPERS_LOCK
    with writing(path):
        handle = path.open("a+")
    with handle:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.lockf(handle, fcntl.LOCK_SH)
        yield


def _outlast_helpers(path: Path) -> None:
    """Wait until no process helps an earlier run any more; say so when it takes too long."""
    end = time.monotonic() + PATIENCE
    while not _forget_helpers(path):
        if time.monotonic() > end:
            raise IceblockError(
                f"Processes of an earlier run are still writing to {path.parent}; wait for them, "
                "or choose another output folder"
            )
        time.sleep(0.1)


def _forget_helpers(path: Path) -> bool:
    """Remove the helpers' lock unless one of them holds it; tell whether none does."""
    with contextlib.suppress(OSError), path.open("r+") as handle:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            return error.errno not in (errno.EACCES, errno.EAGAIN)
        path.unlink()
    return True


def _lock(path: Path) -> TextIO:
    """Open and lock a file, or say that another run has it."""
    while True:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle = path.open("w")
        except FileExistsError as error:
            raise IceblockError(
                f"{path.parent} is a file where a folder is needed; choose another output folder"
            ) from error
        except OSError as error:
            raise write_error(error, path) from error
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno in (errno.EACCES, errno.EAGAIN):
                handle.close()
                raise IceblockError(
                    f"Another run is writing to {path.parent}; wait for it, or choose another "
                    "output folder"
                ) from error
        # A run that ended between the two calls has removed the file that is now locked.
        if path.exists() and os.path.samestat(os.fstat(handle.fileno()), path.stat()):
            return handle
        handle.close()


def claim(
    kind: type[R], folder: Path, identity: dict[str, Any], outputs: Sequence[str], overwrite: bool
) -> R | None:
    """Check that a folder is free, or holds this very run, and clear it where that was asked for.

    Parameters
    ----------
    kind
        Of the record.
    folder
        The output folder, locked.
    identity
        What makes a run this run: inputs, model, options. Compared with the record's.
    outputs
        Names inside the folder that the run makes.
    overwrite
        Remove those outputs of another recorded run, or of this one when it had finished; what no
        run recorded is never removed.

    Returns
    -------
    record
        That of the earlier, same run, which is to be continued; None for a new run.

    Raises
    ------
    IceblockError
        If the folder holds another run's outputs.
    """
    record = read_record(folder, kind)
    if record is not None:
        overwrite = overwrite or record.state not in (RUNNING, FINISHED)
        if record.identity == identity and (not overwrite or record.state == RUNNING):
            return record
    present = [name for name in (*outputs, RECORD) if (folder / name).exists()]
    if present and (record is None or not overwrite):
        raise IceblockError(_conflict(folder, record, identity, present))
    for name in present:
        path = folder / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    return None


def _conflict(
    folder: Path, record: RunRecord | None, identity: dict[str, Any], present: list[str]
) -> str:
    if record is None:
        return (
            f"{folder} already holds {present[0]}, which iceblock did not make; choose another "
            "output folder"
        )
    known = record.identity
    changed = [k for k in identity if known.get(k) != identity[k]] or ["unknown"]
    what = "holds another run (different: " + ", ".join(changed).replace("_", " ") + ")"
    if "version" in changed or any(
        isinstance(known.get(k), dict) != isinstance(v, dict) for k, v in identity.items()
    ):
        what = (
            f"holds a run of another version of iceblock ({record.iceblock}), which cannot be "
            "continued"
        )
    return (
        f"{folder} {what}; what it holds stays as it is; choose another output folder, or give "
        "--overwrite to replace it"
    )
