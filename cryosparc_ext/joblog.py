"""The log of a job: texts, progress in place, pictures, and the pulse that stops it."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO, cast

from core.jobs.signals import JobStopped
from core.remarks import MARK, warn

from .connection import Connection, ServerAway
from .ending import UNDER_WAY
from .progress import ProgressText
from .stopping import StopWatch

if TYPE_CHECKING:
    from cryosparc.controllers.job import ExternalJobController
    from matplotlib.figure import Figure

REPORT_SECONDS = 10.0
"""Between two updates of the progress in the job's log."""


class JobLog:
    """What a job shows of itself in CryoSPARC while it runs.

    Parameters
    ----------
    connection
        The server.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._watch = StopWatch()
        self._job: ExternalJobController | None = None
        self._shown, self._reported = "", time.monotonic()
        self._text = ProgressText()

    @property
    def progress(self) -> TextIO:
        """Where progress bars and remarks go."""
        return cast("TextIO", self._text)

    @property
    def _external(self) -> ExternalJobController:
        if self._job is None:
            raise RuntimeError("the job is used before its context is entered")
        return self._job

    @property
    def uid(self) -> str:
        """The job's name, `J12`."""
        return str(self._external.uid)

    def log(self, text: str, level: str = "text") -> None:
        """Write to the job's log and the terminal."""
        print(text, file=sys.stderr, flush=True)
        self._ask("writing to the log", lambda: self._external.log(text, level=level))

    def warn(self, text: str) -> None:
        """Write a warning to the terminal and, with the next pulse, to the job's log."""
        warn(text)

    def heartbeat(self) -> None:
        """Show the progress and stop the job here if someone asked for it; call it often.

        A server that is away does not stop the work: the next call may reach it.

        Raises
        ------
        JobStopped
            If a signal came, or the job was cleared, killed or ended in CryoSPARC.
        """
        self._watch.check()
        now = time.monotonic()
        if now - self._reported < REPORT_SECONDS:
            return
        self._reported = now
        with contextlib.suppress(ServerAway):
            self._tell_progress(patience=0)
            self._connection.ask("looking at the job", self._external.refresh, patience=0)
            if self._external.status not in UNDER_WAY:
                raise JobStopped(f"set to {self._external.status} in CryoSPARC")

    def picture(self, source: Path | Callable[[], Figure], text: str, tile: bool = False) -> None:
        """Put a picture into the log, and on the job's card; a failure is only logged.

        Parameters
        ----------
        source
            A PNG file, or what makes a figure.
        text
            What it shows.
        tile
            Also show it on the card and beside the outputs.
        """
        try:
            png = source.read_bytes() if isinstance(source, Path) else _drawn(source())

            def show(what: str, call: Callable[[io.BytesIO], Any]) -> None:
                self._ask(what, lambda: call(io.BytesIO(png)))

            show("logging a picture", lambda file: self._external.log_plot(file, text, ["png"]))
            if tile:
                show("showing a picture", self._external.set_tile_image)
                for name in self._external.outputs:
                    show("showing a picture", partial(self._external.set_output_image, name))
        except Exception as error:
            self.warn(f"A picture could not be shown ({text}): {error}")

    def _ask(self, what: str, call: Callable[[], Any]) -> Any:
        return self._connection.ask(what, call)

    def _tell_progress(self, patience: float | None = None) -> None:
        bar = self._text.bar
        if bar != self._shown:
            self._connection.ask(
                "showing the progress", lambda: self._external.log(bar, name="progress"), patience
            )
            self._shown = bar
        while line := self._text.next_line():
            level = "warning" if line.startswith(MARK) else "text"
            tell = partial(self._external.log, line.removeprefix(MARK), level=level)
            self._connection.ask("writing to the log", tell, patience)
            self._text.forget_line()


def _drawn(figure: Figure) -> bytes:
    file = io.BytesIO()
    figure.savefig(file, format="png", bbox_inches="tight", pad_inches=0)
    return file.getvalue()
