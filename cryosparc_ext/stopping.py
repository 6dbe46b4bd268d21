"""Requests to stop a job: Ctrl-C, and the signals of a queue or a closed terminal.

CryoSPARC cannot stop an external job itself. A signal raises `JobStopped` where the program is, as
Ctrl-C does, so that even a long transfer ends at once. While the job is being ended, signals are
only noted: nothing keeps the job from its end.
"""

import signal
import threading
from types import FrameType
from typing import Any, Self

from core.jobs.signals import JobStopped, handle_signals


class StopWatch:
    """Takes the stop signals inside a `with` block, where this process does not ignore them.

    Attributes
    ----------
    reason
        Who asked the job to stop, in words; None while nobody did.
    """

    def __init__(self) -> None:
        self.reason: str | None = None
        self._shielded = False
        self._former: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is threading.main_thread():
            self._former = handle_signals(self._on_signal)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._former.items():
            signal.signal(number, handler)

    def check(self) -> None:
        """Raise if someone asked the job to stop.

        Raises
        ------
        JobStopped
            With the reason in words.
        """
        if self.reason is not None:
            raise JobStopped(self.reason)

    def shield(self) -> None:
        """From here on only note requests: the job is being ended."""
        self._shielded = True

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        first = self.reason is None
        if first:
            name = "Ctrl-C" if number == signal.SIGINT else signal.Signals(number).name
            self.reason = f"stopped by {name}"
        if first and not self._shielded:
            raise JobStopped(self.reason)
