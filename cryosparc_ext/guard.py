"""The job of a process that is gone: its parent knows which it was, and marks it as failed."""

import json
import mmap
import time

from core.errors import IceblockError
from core.jobs.ending import explain_status

from . import ending


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


def conclude_for(under_way: OpenJob, status: int) -> int:
    """Fail the job of a process that is gone, if one is under way; gives the exit status.

    Parameters
    ----------
    under_way
        Where that process noted its job.
    status
        Its exit status, or minus the signal that killed it.
    """
    if under_way.job is not None:
        _report(under_way.job, explain_status(status, ending.WORDS))
    return status if status >= 0 else 1


def _report(job: tuple[str, str | None, str, str], reason: str) -> None:
    """Fail the job of a process that is gone."""
    from .connection import PAUSE, Connection, ServerAway

    url, email, project, uid = job
    ending.complain(reason)
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
                ending.complain(f"{uid} could not be marked as failed: {error}")
                return
        time.sleep(PAUSE)
