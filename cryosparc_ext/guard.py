"""A parent that outlives the job, for the ends that no program can report itself.

The kernel kills a process that uses too much memory, and a driver may crash one. CryoSPARC would
show the job as running for ever. The job therefore runs in a child process, and its parent, which
does nothing but wait, marks it as failed.
"""

import json
import mmap
import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from types import FrameType

from core.errors import IceblockError

from .stopping import SIGNALS


class OpenJob:
    """Which job is under way, in memory that a process shares with its children."""

    def __init__(self) -> None:
        self._memory = mmap.mmap(-1, 4096)

    def opened(self, url: str, email: str | None, project: str, uid: str) -> None:
        """Note a job that was made."""
        text = json.dumps([url, email, project, uid]).encode()
        self._memory[: len(text)] = text

    def closed(self) -> None:
        """Note that it has ended."""
        self._memory[:] = bytes(len(self._memory))

    @property
    def job(self) -> tuple[str, str | None, str, str] | None:
        """URL, login, project and job; None while none is under way."""
        text = self._memory[:].rstrip(b"\0")
        if not text:
            return None
        url, email, project, uid = json.loads(text)
        return url, email, project, uid


def run_guarded(under_way: OpenJob, work: Callable[[], int]) -> int:
    """Run `work` in a child process; if the child dies with a job under way, fail the job.

    Parameters
    ----------
    under_way
        Where `work` notes its job.
    work
        Returns the exit status.

    Returns
    -------
    int
        The exit status: that of `work`, or 1.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # No signal may fall between the fork and the moment both sides can handle it.
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        return work()

    def pass_on(number: int, frame: FrameType | None) -> None:
        with suppress(ProcessLookupError):
            os.kill(child, number)

    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    _, status = os.waitpid(child, 0)
    code = os.waitstatus_to_exitcode(status)
    if under_way.job is not None:
        _report(under_way.job, _obituary(code))
    return code if code >= 0 else 1


def _report(job: tuple[str, str | None, str, str], reason: str) -> None:
    """Fail the job of a process that is gone."""
    from . import ending
    from .connection import PAUSE, Connection, ServerAway

    url, email, project, uid = job
    complain(reason)
    limit = time.monotonic() + ending.PATIENCE
    while True:
        try:
            with Connection(url, email) as connection:
                external = connection.ask(
                    f"finding {uid}", lambda: connection.client.find_external_job(project, uid)
                )
                ending.fail(connection, external, reason, started=external.status != "building")
                return
        except IceblockError as error:
            if not isinstance(error, ServerAway) or time.monotonic() > limit:
                complain(f"{uid} could not be marked as failed: {error}")
                return
        time.sleep(PAUSE)


def _obituary(code: int) -> str:
    if code >= 0:
        return f"The job ended with status {code} and said nothing about it."
    name = signal.Signals(-code).name
    if -code == signal.SIGKILL:
        return (
            f"The job was killed ({name}), most often because memory ran out: ask for more memory "
            "or give a smaller --batch-size, then start again."
        )
    return f"The job crashed ({name}): please report it with what it printed."


def complain(text: str) -> None:
    """Print to the terminal, if there still is one."""
    with suppress(OSError, ValueError):
        print(f"iceblock-cryosparc: {text}", file=sys.stderr, flush=True)
