"""How a job ends: one of RELION's exit markers, exactly once, and a word to the user.

RELION looks at no exit code. A job directory without a marker shows Running for ever, so this
module uses the standard library alone and reports nothing in a way that could keep it from
writing the marker.
"""

import errno
import mmap
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path

SUCCESS = "RELION_JOB_EXIT_SUCCESS"
FAILURE = "RELION_JOB_EXIT_FAILURE"
ABORTED = "RELION_JOB_EXIT_ABORTED"
MARKERS = (SUCCESS, FAILURE, ABORTED)


class JobAborted(BaseException):
    """The user or the queue asked the job to stop.

    Not an `Exception`, so that no handler of ordinary failures on the way up keeps the job going.
    """


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
        if abort_reason or isinstance(error, JobAborted | KeyboardInterrupt):
            # An error after the request is most often its consequence (a half-closed writer):
            # the user asked for an end and gets one, but a fault of ours is not hidden.
            if not isinstance(error, JobAborted | KeyboardInterrupt):
                _explain(error)
            complain(f"Aborted: {abort_reason or str(error) or 'interrupted'}.")
            self.mark(ABORTED)
        else:
            _explain(error)
            self.mark(FAILURE)
        return 1


def complain(text: str) -> None:
    """Print `text` to run.err, where RELION shows it; a full disk must not stop the job's end."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def _explain(error: BaseException) -> None:
    """Say in run.err what went wrong: one sentence for a user's mistake, else a traceback."""
    if _is_users_mistake(error):
        complain(str(error))
        return
    hidden: str | None = None
    with suppress(Exception):
        from iceblock import blamed, suspects

        if message := blamed(error):
            complain(message)
            return
        hidden = suspects()
    with suppress(Exception):
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        complain("".join(traceback.format_exception(error)).rstrip())
    if isinstance(error, ImportError):
        with suppress(Exception):
            from iceblock import missing

            complain(missing(error))
    elif isinstance(error, MemoryError):
        complain("Memory ran out: ask for more memory or set the label batch_size lower.")
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        complain("The disk or the quota is full: make room and continue the job.")
    elif hidden:
        complain(hidden)
    else:
        complain("This is a fault in iceblock: please report it with the lines above and run.out.")


def _is_users_mistake(error: BaseException) -> bool:
    """Recognise IceblockError without importing anything: the import may be what failed."""
    if isinstance(error, InstallationError):
        return True
    kind = getattr(sys.modules.get("core.errors"), "IceblockError", None)
    return isinstance(kind, type) and isinstance(error, kind)
