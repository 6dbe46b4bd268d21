"""A running external job: start, inputs, progress, pictures, outputs, and exactly one end.

The client's own `with job.run()` marks a job that Ctrl-C stops as completed and leaves one that is
terminated running. Here whatever leaves the block other than by its last line fails the job, with
the reason in its log.
"""

from __future__ import annotations

import platform
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import core
from core.errors import IceblockError
from core.images.cs.kinds import Records
from core.images.cs.table import plain
from core.remarks import collected

from .connection import Connection
from .ending import complete, explain, fail
from .files import ProjectFiles
from .guard import OpenJob
from .outputs import JobOutputs
from .sources import Source, only

if TYPE_CHECKING:
    from cryosparc.dataset import Dataset


class Job(JobOutputs):
    """One external job, made when the context is entered; inside it the work is done.

    Parameters
    ----------
    connection
        The server.
    project, workspace
        Where to make the job.
    title
        On the job's card.
    description
        Markdown.
    under_way
        Where the guard learns which job it has to look after.

    Attributes
    ----------
    uid
        The job's name, `J12`.
    """

    def __init__(
        self,
        connection: Connection,
        project: str,
        workspace: str,
        title: str,
        description: str,
        under_way: OpenJob | None = None,
    ) -> None:
        super().__init__(connection)
        self._place = (project, workspace)
        self._title, self._description = title, description
        self._under_way = under_way or OpenJob()
        self._started = False
        self._files: ProjectFiles | None = None
        self._warnings = ExitStack()

    def __enter__(self) -> Self:
        project, workspace = self._place
        self._watch.__enter__()
        self._warnings.enter_context(collected(self.progress, hands_on=True))
        try:
            self._job = self._connection.ask(
                f"making a job in {project} {workspace}",
                lambda: self._connection.client.create_external_job(
                    project, workspace, title=self._title, desc=self._description
                ),
                patience=0,
            )
            connection = self._connection
            self._under_way.opened(connection.url, connection.email, project, self.uid)
            print(f"{project} {self.uid}: {self._title}", file=sys.stderr, flush=True)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            if self._job is not None:
                self._finish(error)
        finally:
            if self._files is not None:
                self._files.close()
            self._warnings.close()
            self._watch.__exit__(kind, error, trace)

    def connect(self, name: str, source: Source, slots: Sequence[str]) -> None:
        """Connect an output of another job, so that the lineage shows where data come from.

        Parameters
        ----------
        name
            Of the input.
        source
            The output.
        slots
            Those to be loaded, where the source has them; the others pass through.
        """
        external = self._external
        wanted = [
            {"name": slot, "dtype": source.slots[slot], "required": True}
            for slot in slots
            if slot in source.slots
        ]
        if name not in external.inputs:
            self._ask(
                f"adding the input {name}",
                lambda: external.add_input(source.kind, name, min=1, slots=wanted, title=name),
            )
        # By position: the names of these arguments differ between versions of the client.
        self._ask(f"connecting {source}", lambda: external.connect(name, source.job, source.output))
        self.log(f"Input {name}: {source}, {source.count} items")

    def start(self, facts: Mapping[str, str]) -> None:
        """Start the job and log what is run: version, command, machine, and `facts`."""
        self._ask("starting the job", lambda: self._external.start("running"))
        self._started = True
        everything = {
            "iceblock": core.__version__,
            "Command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
            "Machine": platform.node(),
            **facts,
        }
        self.log("\n".join(f"{name}: {value}" for name, value in everything.items()))
        for remark in self._connection.remarks:
            self.warn(remark)

    def load(self, name: str, slots: Sequence[str]) -> Dataset[Any]:
        """Load slots of an input."""
        data = self._ask(f"loading the input {name}", lambda: self._external.load_input(name))
        return only(data, slots, f"input {name}")

    def load_records(self, name: str, slots: Sequence[str]) -> Records:
        """Load slots of an input as records."""
        return plain(self.load(name, slots).to_records(fixed=True))

    def open_files(self, name: str, scratch: Path | None) -> ProjectFiles:
        """Make the folder `name` in the job directory, to be written to from this machine."""
        self._files = ProjectFiles(self._connection, self._external, name, scratch)
        if not self._files.visible:
            self.log(
                f"The project directory is not visible on {platform.node()}: files are downloaded "
                f"to {self._files.root} and uploaded at the end."
            )
        return self._files

    def _finish(self, error: BaseException | None) -> None:
        """End the job, once: complete it when all is done, and fail it otherwise."""
        self._watch.shield()
        try:
            if error is None:
                self._complete()
        except BaseException as caught:
            error = caught
            raise
        finally:
            if error is not None:
                with suppress(IceblockError):  # warnings may explain the end
                    self._tell_progress(patience=0)
                fail(self._connection, self._external, explain(error), self._started, self._watch)
            self._under_way.closed()

    def _complete(self) -> None:
        self.require_all_saved()
        self._tell_progress()
        self._watch.check()
        complete(self._connection, self._external)
