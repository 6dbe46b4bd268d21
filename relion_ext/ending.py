"""How a job ends: one of RELION's exit markers, exactly once, and a word to the user.

RELION looks at no exit code. A job directory without a marker shows Running for ever, so this
module uses the standard library alone and reports nothing in a way that could keep it from
writing the marker.
"""

import mmap
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.jobs.ending import Words

SUCCESS = "RELION_JOB_EXIT_SUCCESS"
FAILURE = "RELION_JOB_EXIT_FAILURE"
ABORTED = "RELION_JOB_EXIT_ABORTED"
MARKERS = (SUCCESS, FAILURE, ABORTED)


class InstallationError(Exception):
    """iceblock cannot run as it is installed; the message tells the user what to do.

    Of its own kind, because IceblockError may be the very thing that cannot be imported.
    """


class Ending:
    """The exit marker of one run in one job directory.

    Parameters
    ----------
    folder
        The job directory (RELION's `--o`).
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        # One byte that parent and child of a fork share; the directory cannot tell, because
        # RELION removes the markers as soon as the user continues the job.
        self._marked = mmap.mmap(-1, 1)

    def clear(self) -> None:
        """Remove the markers of a former run, so that Continue is not taken for finished."""
        for marker in MARKERS:
            (self.folder / marker).unlink(missing_ok=True)

    @property
    def marked(self) -> bool:
        """Whether this run has its exit marker, written by this process or by its child."""
        return self._marked[0] == 1

    def mark(self, marker: str) -> bool:
        """Write `marker` unless this run has one already.

        Returns
        -------
        bool
            True when this call wrote the marker. The main thread, the abort watch and the guard
            may all want to end the job; the first one decides.
        """
        with self._lock:
            if self.marked:
                return False
            try:
                (self.folder / marker).touch()
            except OSError as error:
                complain(f"cannot write {self.folder / marker}: {error.strerror}")
                return False
            self._marked[0] = 1
            return True

    def conclude(self, error: BaseException | None, abort_reason: str | None = None) -> int:
        """End the job: explain `error` to the user, then write the marker.

        Parameters
        ----------
        error
            What stopped the job; None when it did its work.
        abort_reason
            Who asked the job to stop, if anyone did.

        Returns
        -------
        int
            The exit status of the process: 0 for success, else 1.
        """
        if error is None:
            return 0 if self.mark(SUCCESS) else 1
        # An error after the request is most often its consequence (a half-closed writer): the
        # user asked for an end and gets one, but a fault of ours is not hidden.
        if isinstance(error, Exception | SystemExit):
            complain(_explained(error))
        if abort_reason or isinstance(error, KeyboardInterrupt):
            complain(f"Aborted: {abort_reason or 'interrupted'}.")
            self.mark(ABORTED)
        else:
            self.mark(FAILURE)
        return 1

    def conclude_for(self, status: int) -> int:
        """Mark failure for a process that is gone without its marker; gives the exit status.

        Parameters
        ----------
        status
            Its exit status, or minus the signal that killed it.
        """
        from core.jobs.ending import explain_status

        if self.mark(FAILURE):
            complain(explain_status(status, _words()))
        return 0 if status == 0 else 1


def complain(text: str) -> None:
    """Print `text` to run.err, where RELION shows it; a full disk must not stop the job's end."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _explained(error: BaseException) -> str:
    """Say what went wrong: one sentence for a user's mistake, else a traceback."""
    if isinstance(error, InstallationError):
        return str(error)
    with suppress(Exception):
        from core.jobs.ending import explain

        return explain(error, _words())
    return "".join(traceback.format_exception(error)).rstrip()


def _words() -> "Words":
    from core.jobs.ending import Words

    return Words(
        smaller_batch="set the label batch_size lower",
        again="continue the job",
        log="run.out and run.err",
        lines="the lines above and run.out",
    )
