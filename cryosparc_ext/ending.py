"""How a job ends: completed or failed, exactly once, with the reason in its log.

What a user can mend is told in one sentence; a fault of ours with its traceback.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING

from core.errors import IceblockError
from core.jobs import ending as jobs_ending
from core.jobs.signals import JobStopped

from .connection import Connection, ServerAway

if TYPE_CHECKING:
    from cryosparc.controllers.job import ExternalJobController

    from .stopping import StopWatch

PATIENCE = 3600.0
"""Seconds for which a server that is away is waited for, to tell it that the job failed."""
STOPPED_PATIENCE = 20.0
"""The same after a stop signal: queues send SIGKILL half a minute later."""
UNDER_WAY = ("running", "waiting")
WORDS = jobs_ending.Words(
    smaller_batch="give a smaller --batch-size",
    again="start again",
    log="what it printed",
    lines="the lines above",
)


def complete(connection: Connection, job: ExternalJobController) -> None:
    """Complete a job.

    Raises
    ------
    IceblockError
        If it does not show as completed then.
    """
    refused: IceblockError | None = None
    try:
        connection.ask("completing the job", job.stop)
    except ServerAway:
        raise
    except IceblockError as error:
        # An answer that was lost on the way: the second try finds the job completed.
        refused = error
    connection.ask("looking at the job", job.refresh)
    if job.status != "completed":
        raise refused or IceblockError(
            f"{job.uid} shows as {job.status} in CryoSPARC though its work is done; mark it as "
            "completed there."
        )


def fail(
    connection: Connection,
    job: ExternalJobController,
    reason: str,
    started: bool = True,
    watch: StopWatch | None = None,
) -> None:
    """Fail a job, unless it has been ended in CryoSPARC; what goes wrong here is only printed.

    Parameters
    ----------
    connection, job
        The server and the job.
    reason
        For its log.
    started
        Whether it was started; one that was, and is no longer under way, is left as it is.
    watch
        Where a request to stop, which shortens the wait for a server, is noted.
    """

    def mark() -> None:
        job.refresh()
        if job.status in UNDER_WAY or (not started and job.status == "building"):
            job.stop(error=reason)

    stopped = watch is not None and watch.reason is not None
    try:
        connection.ask(
            f"marking {job.uid} as failed",
            mark,
            patience=STOPPED_PATIENCE if stopped else PATIENCE,
            give_up=lambda: not stopped and watch is not None and watch.reason is not None,
        )
    except IceblockError as error:
        complain(f"{job.uid} could not be marked as failed and may still show as running: {error}")
    else:
        complain(f"{job.uid} shows as {job.status} in CryoSPARC.")


def explain(error: BaseException) -> str:
    """Say what ended a job: a sentence for what the user can mend, else a traceback."""
    if isinstance(error, JobStopped | KeyboardInterrupt):
        return f"The job was {str(error) or 'stopped by Ctrl-C'}."
    return jobs_ending.explain(error, WORDS)


def complain(text: str) -> None:
    """Print to the terminal, if there still is one."""
    with suppress(OSError, ValueError):
        print(f"iceblock-cryosparc: {text}", file=sys.stderr, flush=True)
