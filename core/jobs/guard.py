"""A parent that outlives the job, for the ends that no program can report itself.

The kernel kills a process that uses too much memory, and a driver may crash one. The program that
started the job would show it as running for ever. The job therefore runs in a child process, and
its parent, which does nothing but wait, tells that program.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from .signals import handle_signals, hold_signals, release_signals


def run_guarded(work: Callable[[], int], ended: Callable[[int], int]) -> int:
    """Run `work` in a child process, and tell `ended` in this one how the child ended.

    Parameters
    ----------
    work
        The job. It calls `release_signals` as soon as it can handle a stop signal.
    ended
        Takes the exit status of the child, or minus the signal that killed it, and gives that of
        this process.

    Returns
    -------
    int
        In the child what `work` returns, in the parent what `ended` does.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # No stop signal may fall between the fork and the moment both sides can handle it.
    hold_signals()
    child = os.fork()
    if child == 0:
        return work()

    def pass_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    handle_signals(pass_on)
    release_signals()
    _, status = os.waitpid(child, 0)
    return ended(os.waitstatus_to_exitcode(status))
