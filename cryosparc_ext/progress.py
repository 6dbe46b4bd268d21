"""What a run prints, on its way to the job's log.

A progress bar redraws itself many times a second. Here only its latest state is kept; the job
fetches it now and then and puts it in place of the former one.
"""

import io
import sys
import threading

from core.remarks import MARK


class ProgressText(io.TextIOBase):
    """A file for progress bars and remarks, which also shows them on the terminal.

    Any thread may write: progress bars have one of their own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._rest = ""
        self._bar = ""
        self._lines: list[str] = []

    def writable(self) -> bool:
        """Tell that text can be written."""
        return True

    def isatty(self) -> bool:
        """Tell that a bar may redraw itself here."""
        return True

    def write(self, text: str) -> int:
        """Take text; a carriage return begins the present line anew."""
        if sys.stderr.isatty():
            sys.stderr.write(text)
            sys.stderr.flush()
        with self._lock:
            *whole, rest = (self._rest + text).split("\n")
            for line in whole:
                self._finish(line)
            self._rest = rest
            if "\r" in rest:
                self._keep(rest)
                self._rest = rest[rest.rindex("\r") :]
        return len(text)

    @property
    def bar(self) -> str:
        """The latest state of the bar."""
        return self._bar

    def next_line(self) -> str:
        """Give the oldest remark that was not forgotten yet; empty where there is none."""
        with self._lock:
            return self._lines[0] if self._lines else ""

    def forget_line(self) -> None:
        """Forget the oldest remark: it has been told."""
        with self._lock:
            del self._lines[0]

    def _finish(self, line: str) -> None:
        last = line.rpartition("\r")[2]
        if last.startswith(MARK):  # the bar was wiped away to make room for it
            self._lines.append(last.rstrip())
        elif "\r" in line:
            self._keep(line)
            line = self._bar
        elif line.strip():
            self._lines.append(line.rstrip())
        if line.strip() and not sys.stderr.isatty():  # a log: whole lines alone
            print(line.rstrip(), file=sys.stderr, flush=True)

    def _keep(self, line: str) -> None:
        """Keep the last state of a line that was redrawn."""
        states = [state.strip() for state in line.split("\r") if state.strip()]
        if states:
            self._bar = states[-1]
