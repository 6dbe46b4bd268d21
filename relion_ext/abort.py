"""Requests to stop a job: RELION's abort marker and the signals of a terminal or a queue.

A request is only noted here. The job asks for it with `check` between two batches, where nothing
is half-done, and a job that does not ask in time is ended from outside.
"""

import os
import signal
import threading
import time
from contextlib import suppress
from types import FrameType
from typing import Self

from core.jobs.signals import JobStopped, handle_signals

from .ending import ABORTED, Ending, complain

ABORT_NOW = "RELION_JOB_ABORT_NOW"
POLL_SECONDS = 0.5
# Queues send SIGTERM and, half a minute later, SIGKILL: the job must have ended itself before.
GRACE_SECONDS = 20.0


class AbortWatch:
    """Notes the first request to stop, from entering the context until the process ends.

    Parameters
    ----------
    ending
        The ending of the job, marked aborted when the job does not stop by itself in time.

    Attributes
    ----------
    reason
        Who asked the job to stop, in words; None while nobody did.
    """

    def __init__(self, ending: Ending) -> None:
        self.reason: str | None = None
        self._ending = ending
        self._marker = ending.folder / ABORT_NOW
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="abort-watch", daemon=True)

    def __enter__(self) -> Self:
        handle_signals(self._on_signal)
        self._forget_former_request()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        # After a request the thread stays, to end a process that hangs on its way out; without
        # one, a signal may do that, because the marker is written.
        if self.reason is None:
            self._over.set()
            self._thread.join()
            handle_signals(signal.SIG_DFL)

    def check(self) -> None:
        """Raise if someone asked the job to stop; called between two batches.

        Raises
        ------
        JobStopped
            With the reason in words.
        """
        if self.reason is not None:
            raise JobStopped(self.reason)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        # Nothing but an assignment: a handler may interrupt any lock or half-printed line.
        if self.reason is None:
            self.reason = f"the job was sent {signal.Signals(number).name}"

    def _forget_former_request(self) -> None:
        """Drop an abort marker that an earlier run left behind.

        RELION writes job.star when it launches or submits the job. A marker newer than that was
        made while the job waited in the queue and still counts.
        """
        with suppress(OSError):
            requested = self._marker.stat().st_mtime_ns
            launched = self._ending.folder / "job.star"
            if not launched.exists() or requested < launched.stat().st_mtime_ns:
                self._marker.unlink()

    def _watch(self) -> None:
        while self.reason is None:
            if self._over.wait(POLL_SECONDS):
                return
            if self._marker.exists():
                self.reason = "the user asked for it in RELION"
        with suppress(OSError):
            self._marker.unlink(missing_ok=True)
        complain(f"Stopping, because {self.reason}.")
        time.sleep(GRACE_SECONDS)
        if self._ending.mark(ABORTED):
            complain(f"Aborted: {self.reason}; the job was busy and did not stop by itself.")
        os._exit(1)
