"""Progress bars that redraw themselves on a terminal and become plain lines in a log file."""

from __future__ import annotations

import io
import re
import sys
from typing import TYPE_CHECKING, Never, TextIO

from tqdm import tqdm

LOG_SECONDS = 10.0
"""Between two lines of one bar in a log file."""
_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE = "{desc}: {percentage:.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"

if TYPE_CHECKING:
    Bar = tqdm[Never]


def progress_bar(
    total: int, unit: str, desc: str, stream: TextIO | None, *, initial: int = 0, leave: bool = True
) -> Bar:
    """Make a bar for `total` things.

    Parameters
    ----------
    total
        Where the bar ends.
    unit, desc
        What is counted, and what is being done.
    stream
        Where the bar goes; None for nowhere.
    initial
        Things that were done before.
    leave
        Keep the finished bar on the terminal.
    """
    if stream is None:
        return tqdm(total=total, initial=initial, file=sys.stderr, disable=True)
    if stream.isatty():
        return tqdm(
            total=total, unit=unit, desc=desc, file=stream, initial=initial, leave=leave,
            smoothing=0.05, mininterval=0.5, dynamic_ncols=True,
        )  # fmt: skip
    return tqdm(
        total=total, unit=unit, desc=desc, file=LogLines(stream), initial=initial, smoothing=0.05,
        bar_format=_LINE, mininterval=LOG_SECONDS, maxinterval=LOG_SECONDS, miniters=1,
    )  # fmt: skip


class LogLines(io.TextIOBase):
    """Each state of a bar as a line of its own, without carriage returns and cursor codes.

    Parameters
    ----------
    stream
        The log.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def writable(self) -> bool:
        """Tell that text can be written."""
        return True

    def write(self, text: str) -> int:
        """Write what can be read of a piece of text."""
        line = _CODES.sub("", text).strip("\r\n ")
        if line:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        return len(text)
