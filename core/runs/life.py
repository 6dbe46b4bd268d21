"""The life of a run: its warnings, its threads, its folder, its record, its end.

Every kind of run begins, goes on, finishes and fails in the same way. What is left in its own
folder is what that kind of run does.
"""

from __future__ import annotations

import contextlib
import functools
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TextIO, TypeVar

from .. import __version__
from ..compute.threads import limited_threads
from ..console import Console
from ..remarks import warn
from .folder import claim, locked
from .record import FINISHED, RUNNING, Machine, R, RunRecord, write_record
from .relay import forget_relayed

Asked = TypeVar("Asked", contravariant=True)
Done = TypeVar("Done", covariant=True)


class RunOptions(Protocol):
    """What the options of every kind of run have."""

    @property
    def out(self) -> Path:
        """The output folder."""
        ...

    @property
    def threads(self) -> int | None:
        """CPU threads; None for all."""
        ...

    @property
    def overwrite(self) -> bool:
        """Replace another run's outputs."""
        ...

    @property
    def command(self) -> str:
        """As given, for the record."""
        ...

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        ...


class WayIn(Protocol[Asked, Done]):
    """How a run is started, by whoever starts it."""

    def __call__(
        self,
        options: Asked,
        *,
        progress: TextIO | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> Done:
        """Do all of it.

        Parameters
        ----------
        options
            What was asked for.
        progress
            Where bars and remarks go; None for silence.
        heartbeat
            Called often; may raise to stop the run.
        """
        ...


def way_in(work: Callable[[Asked, Console], Done]) -> WayIn[Asked, Done]:
    """Let a run that talks by a console be started as all runs are."""

    @functools.wraps(work)
    def run(
        options: Asked,
        *,
        progress: TextIO | None = None,
        heartbeat: Callable[[], None] = lambda: None,
    ) -> Done:
        return work(options, Console(progress, heartbeat))

    return run


class Run:
    """A run that has begun; made by `begun`.

    Attributes
    ----------
    warnings
        What the user was warned of until now.
    """

    def __init__(self, options: RunOptions, warnings: list[str]) -> None:
        self.warnings = warnings
        self._options = options
        self._began, self._before = time.monotonic(), 0.0

    @contextlib.contextmanager
    def recorded(
        self,
        kind: type[R],
        identity: dict[str, Any],
        outputs: Sequence[str],
        *,
        claims: Callable[[], R | None] | None = None,
        whole: Callable[[], bool] | None = None,
        again: bool = False,
    ) -> Iterator[R]:
        """Have the output folder inside the `with` block, and keep the record of the run there.

        The record is written at the beginning, and as finished where the block ends by itself. A
        run that fails or is stopped leaves it as running, and the same run goes on from it.

        Parameters
        ----------
        kind
            Of the record.
        identity
            What makes a run this run; see `claim`.
        outputs
            Names inside the folder that the run makes.
        claims
            Checks the folder in place of `claim`.
        whole
            Whether what an earlier, finished run has made is still there: nothing is left to do
            then, and the record that is given is finished.
        again
            Do all again, whatever an earlier run has noted.
        """
        out, overwrite = self._options.out, self._options.overwrite
        with locked(out):
            earlier = claims() if claims else claim(kind, out, identity, outputs, overwrite)
            if earlier is None:  # before the record, by which a next run would keep them
                forget_relayed(out)
            record = kind() if earlier is None or again else earlier
            for sentence in record.warnings:
                warn(sentence)
            if record.state == FINISHED and whole is not None and whole():
                yield record
                return
            self._before = record.total_seconds or 0.0
            record.iceblock, record.state, record.machine = __version__, RUNNING, Machine()
            record.command, record.identity = self._options.command, identity
            write_record(out, record)
            yield record
            if record.state != FINISHED:
                self.finish(record)
            forget_relayed(out)

    def finish(self, record: RunRecord) -> None:
        """Write the record as finished, for a run that has something to do after that."""
        self.note(record)
        record.state = FINISHED
        write_record(self._options.out, record)

    def note(self, record: RunRecord) -> None:
        """Take warnings and time until now into the record, for a report."""
        record.warnings = list(self.warnings)
        record.total_seconds = round(self._before + time.monotonic() - self._began, 2)


@contextlib.contextmanager
def begun(options: RunOptions, console: Console, processes: int = 1) -> Iterator[Run]:
    """Begin a run: collect its warnings and give it its threads inside the `with` block.

    Parameters
    ----------
    options, console
        Of the run; values outside their range are refused.
    processes
        Those of the run on this machine.
    """
    options.check()
    with console.collected() as warnings, limited_threads(options.threads, processes):
        yield Run(options, warnings)
