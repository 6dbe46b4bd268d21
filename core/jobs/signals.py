"""The signals by which a terminal or a queue stops a job."""

from __future__ import annotations

import signal
from collections.abc import Callable
from types import FrameType
from typing import Any

Handler = Callable[[int, FrameType | None], None]

SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class JobStopped(BaseException):
    """Somebody asked the job to stop.

    Not an `Exception`, so that no handler of ordinary failures on the way up keeps the job going.
    """


def handle_signals(handler: Handler | signal.Handlers) -> dict[signal.Signals, Any]:
    """Let `handler` take every stop signal that this process does not ignore.

    RELION starts jobs in the background with Ctrl-C ignored, so that closing its terminal does
    not end them, and `nohup` ignores a hang-up: both wishes stay respected.

    Returns
    -------
    former
        The handlers that stood there.
    """
    heard = [number for number in SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    return {number: signal.signal(number, handler) for number in heard}


def hold_signals() -> None:
    """Keep stop signals waiting until `release_signals`."""
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)


def release_signals() -> None:
    """Let stop signals through again, once their handlers stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
