"""What lies where a named stack is missing: the same stack under another ending, or compressed."""

import os
import shlex
from pathlib import Path

from .input_file import is_file

_ENDINGS = (".mrcs", ".mrc", ".st", ".MRCS", ".MRC")
_UNPACK = {
    ".gz": "gunzip",
    ".bz2": "bunzip2",
    ".xz": "unxz",
    ".zst": "unzstd",
    ".zip": "unzip",
}


def near_miss(path: Path) -> str | None:
    """Say what lies in the place of a missing file and what to do; None where nothing does.

    Parameters
    ----------
    path
        The file that was looked for.

    Returns
    -------
    sentence
        Its end, to follow on "names PATH": what there is, and the command that helps.
    """
    if not path.name or os.path.exists(path):  # noqa: PTH110
        return None
    if os.path.islink(path):  # noqa: PTH114
        return f"which is a link to {os.readlink(path)}, and that is missing; put it back"  # noqa: PTH115
    for ending in _ENDINGS:
        other = path.with_suffix(ending) if path.suffix else Path(f"{path}{ending}")
        if is_file(other):
            link = shlex.join(["ln", "-s", other.name, os.fspath(path)])
            return f"which is missing, while {other.name} lies there; make a link to it ({link})"
    for name in (path.name, *(f"{path.stem}{ending}" for ending in _ENDINGS)):
        for ending, program in _UNPACK.items():
            packed = path.with_name(f"{name}{ending}")
            if is_file(packed):
                command = shlex.join([program, os.fspath(packed)])
                return (
                    f"which is missing, while {packed.name} lies there, compressed; unpack it "
                    f"first ({command})"
                )
    return None
