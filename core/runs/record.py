"""run.json: what was run on what, so that a run can be repeated, resumed and trusted."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from typing import TYPE_CHECKING, Any

from .. import __version__
from ..errors import IceblockError
from ..images.disk import read_error, replacing
from ..remarks import warn

if TYPE_CHECKING:
    from pathlib import Path

RECORD = "run.json"


def fingerprint(path: Path) -> str:
    """SHA-256 of a file's bytes."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise read_error(error, path) from error


def quick_fingerprint(paths: list[Path]) -> str:
    """SHA-256 over names, sizes and dates, to see whether files change during a run."""
    digest = hashlib.sha256()
    for path in paths:
        try:
            status = path.stat()
        except OSError as error:
            raise read_error(error, path) from error
        stamp = f"{path}\0{status.st_size}\0{status.st_mtime_ns}\n"
        digest.update(stamp.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def machine() -> dict[str, Any]:
    """Describe the machine."""
    return {
        "host": platform.node(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def read_record(folder: Path) -> dict[str, Any] | None:
    """Read the record in a folder; None where there is none.

    Raises
    ------
    IceblockError
        If there is one that cannot be read.
    """
    path = folder / RECORD
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IceblockError(
            f"{path} cannot be read ({error}); choose another output folder"
        ) from error
    try:
        record = json.loads(text)
    except json.JSONDecodeError:
        record = None
    if not isinstance(record, dict) or "iceblock" not in record:
        raise IceblockError(f"{path} was not written by iceblock; choose another output folder")
    return record


def tell_again(record: dict[str, Any] | None) -> None:
    """Warn of what an earlier pass over the same run was warned of, where there was one."""
    for sentence in (record or {}).get("warnings", ()):
        warn(sentence)


def write_record(folder: Path, record: dict[str, Any]) -> None:
    """Write the record, whole or not at all; the program's version is added."""
    text = json.dumps({"iceblock": __version__, **record}, indent=2, default=str)
    with replacing(folder / RECORD) as file:
        file.write(text.encode() + b"\n")
