"""A parent that outlives the job, for the ends that no program can report itself.

The kernel kills a process that uses too much memory, and a driver may crash one. The job then has
no chance to write a marker, and RELION would show it as running for ever. The job therefore runs
in a child process, and its parent, which does nothing but wait, tells RELION. Standard library
only.
"""

import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from .abort import SIGNALS, handle_signals
from .ending import FAILURE, Ending, complain


def run_guarded(ending: Ending, work: Callable[[], int]) -> int:
    """Run `work` in a child process and mark failure if the child dies without a marker.

    Parameters
    ----------
    ending
        The ending of the job.
    work
        The job; writes its own marker and returns the exit status.

    Returns
    -------
    int
        The exit status: 0 for success, else 1.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # No stop signal may fall between the fork and the moment both sides can handle it.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child == 0:
        return work()

    def pass_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    handle_signals(pass_on)
    release_signals()
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if ending.mark(FAILURE):
        complain(_obituary(code))
    return 0 if code == 0 else 1


def release_signals() -> None:
    """Let stop signals through again, once their handlers stand."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)


def _obituary(code: int) -> str:
    if code >= 0:
        return f"The job ended with status {code} and said nothing about it."
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return (
            f"The job was killed ({name}), most often because memory ran out: ask for more memory "
            "or set the label batch_size lower, then continue the job."
        )
    with suppress(Exception):
        from iceblock import suspects

        if hidden := suspects():
            return f"The job crashed ({name}). {hidden}"
    return f"The job crashed ({name}): please report it with run.out and run.err."
