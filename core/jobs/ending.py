"""What a job says at its end: a sentence for what the user can mend, a traceback for a fault."""

from __future__ import annotations

import errno
import signal
import traceback
from contextlib import suppress
from dataclasses import dataclass

from ..errors import IceblockError


@dataclass(frozen=True)
class Words:
    """How the program that started the job calls things.

    Attributes
    ----------
    smaller_batch
        What to do where memory runs out, as in "give a smaller --batch-size".
    again
        How the user goes on, as in "start again".
    log
        Where the job has printed, as in "what it printed".
    lines
        What to report of a fault, as in "the lines above".
    """

    smaller_batch: str
    again: str
    log: str
    lines: str


def explain(error: BaseException, words: Words) -> str:
    """Say what ended a job: a sentence for what the user can mend, else a traceback."""
    if isinstance(error, IceblockError):
        return str(error)
    hidden: str | None = None
    with suppress(Exception):
        from iceblock import blamed, suspects

        if message := blamed(error):
            return message
        hidden = suspects()
    text = "".join(traceback.format_exception(error)).rstrip()
    return f"{text}\n{_remedy(error, words, hidden)}"


def explain_status(status: int, words: Words) -> str:
    """Say how a process ended that said nothing itself; minus the signal where it was killed."""
    if status >= 0:
        return f"The job ended with status {status} and said nothing about it."
    name = signal.Signals(-status).name
    if -status == signal.SIGKILL:
        return (
            f"The job was killed ({name}), most often because memory ran out: ask for more memory "
            f"or {words.smaller_batch}, then {words.again}."
        )
    with suppress(Exception):
        from iceblock import suspects

        if hidden := suspects():
            return f"The job crashed ({name}). {hidden}"
    return f"The job crashed ({name}): please report it with {words.log}."


def _remedy(error: BaseException, words: Words, hidden: str | None) -> str:
    if isinstance(error, ImportError):
        from iceblock import missing

        return missing(error)
    if isinstance(error, MemoryError):
        return f"Memory ran out: ask for more memory or {words.smaller_batch}."
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"The disk or the quota is full: make room and {words.again}."
    if isinstance(error, OSError) and error.errno is not None:
        return "Check the disk and the permissions there."
    return hidden or f"This is a fault in iceblock: please report it with {words.lines}."
