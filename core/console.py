"""What a run says to its user while it works: lines and progress bars, on a terminal or in a log.

On a terminal a bar redraws itself; in a log file it becomes plain lines.
"""

from __future__ import annotations

import contextlib
import io
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TextIO

from tqdm import tqdm

from .remarks import collected, print_line

LOG_SECONDS = 10.0
"""Between two lines of one bar in a log file."""
_CODES = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_LINE = "{desc}: {percentage:.0f}% {n_fmt}/{total_fmt} [{elapsed}<{remaining}, {rate_fmt}{postfix}]"


class Console:
    """Where a run talks, and what it asks between two steps.

    Parameters
    ----------
    stream
        Takes lines and bars; None for silence. Warnings then go to the standard error.
    heartbeat
        Called often; may raise to stop the run.
    speaks
        False in processes beside the first one of a run: not even warnings are printed.
    """

    def __init__(
        self,
        stream: TextIO | None = None,
        heartbeat: Callable[[], None] = lambda: None,
        speaks: bool = True,
    ) -> None:
        self.stream = stream if speaks else None
        self.heartbeat = heartbeat
        self._warnings_to = (stream or sys.stderr) if speaks else None

    def say(self, text: str) -> None:
        """Print lines, above the bars where there are any."""
        if self.stream:
            print_line(text, self.stream)

    def note(self, sentence: str) -> None:
        """Print what the user may want to know, and need not."""
        self.say(f"note: {sentence}")

    def collected(self) -> contextlib.AbstractContextManager[list[str]]:
        """Print what is warned of inside the `with` block, and give the list that it goes to."""
        return collected(self._warnings_to)

    @contextlib.contextmanager
    def bar(
        self, total: int, unit: str, desc: str, *, initial: int = 0, leave: bool = True
    ) -> Iterator[Bar]:
        """Show a bar for `total` things inside the `with` block.

        Parameters
        ----------
        total
            Where the bar ends; none is shown for 0.
        unit, desc
            What is counted, and what is being done.
        initial
            Things that were done before.
        leave
            Keep the finished bar on the terminal.
        """
        stream = self.stream if total else None
        options: dict[str, Any] = {"total": total, "unit": unit, "desc": desc, "initial": initial}
        if stream is None:
            options |= {"file": sys.stderr, "disable": True}
        elif stream.isatty():
            options |= {"file": stream, "leave": leave, "mininterval": 0.5, "dynamic_ncols": True}
        else:
            options |= {
                "file": LogLines(stream), "bar_format": _LINE, "miniters": 1,
                "mininterval": LOG_SECONDS, "maxinterval": LOG_SECONDS,
            }  # fmt: skip
        with tqdm(smoothing=0.05, **options) as shown:
            yield Bar(shown, self.heartbeat)


class Bar:
    """A progress bar; each step of it asks whether the run is to go on.

    Parameters
    ----------
    shown
        As tqdm draws it.
    heartbeat
        Of the console.
    """

    def __init__(self, shown: tqdm[Any], heartbeat: Callable[[], None]) -> None:
        self._shown = shown
        self._heartbeat = heartbeat

    def advance(self, done: int = 1, computed: bool = True) -> None:
        """Take note that `done` more things are finished.

        Parameters
        ----------
        done
            How many.
        computed
            False for what was found whole, which says nothing about the speed.
        """
        self._shown.update(done)
        if not computed:
            self._shown.unpause()
        self._heartbeat()

    def reach(self, place: int) -> None:
        """Go to a place, at most to the end."""
        self.advance(min(place, int(self._shown.total or 0)) - int(self._shown.n))

    def show(self, **numbers: str) -> None:
        """Put numbers behind the bar."""
        self._shown.set_postfix(numbers, refresh=False)

    def rename(self, desc: str) -> None:
        """Say that something else is being done."""
        self._shown.set_description(desc)


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
