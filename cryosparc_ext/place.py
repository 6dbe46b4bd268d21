"""Commands that make external jobs: where in CryoSPARC, and the options of the run inside."""

from __future__ import annotations

import inspect
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import click

from core.commands.generated import SectionedCommand, parameters, read
from core.errors import IceblockError
from core.runs.option import CRYOSPARC, option
from core.runs.options import Options, check_values, option_class, options_of

from .connection import Connection
from .guard import OpenJob

if TYPE_CHECKING:
    from .job import Job

Work = Callable[[Any, dict[str, Any]], None]


@option_class(kw_only=True)
class Place(Options):
    """Where a job is made; its command adds the inputs."""

    group: ClassVar[str] = "CryoSPARC"

    url: str = option("Of CryoSPARC, as in the browser", envvar="CRYOSPARC_BASE_URL")
    email: str | None = option(
        "Whose login to use", default=None, otherwise="the first that is stored"
    )
    project: str = option("Project", metavar="P#")
    workspace: str | None = option(
        "For the new job", default=None, metavar="W#", otherwise="of its input"
    )
    title: str | None = option(
        "Of the new job", default=None, otherwise="what it does to which input"
    )
    scratch: Path | None = option(
        "For files of a project that is not visible here",
        default=None, metavar="DIR", otherwise="temporary folder",
    )  # fmt: skip
    under_way: OpenJob | None = None
    """Where a job notes that it is under way."""

    def job(self, connection: Connection, workspace: str, title: str, description: str) -> Job:
        """Give the new job, which is made when its context is entered.

        Parameters
        ----------
        connection
            The server.
        workspace, title
            Where it is made, and what it is called after `iceblock: `, unless the user said so.
        description
            Markdown.
        """
        from .job import Job

        return Job(
            connection,
            self.project,
            self.workspace or workspace,
            self.title or f"iceblock: {title}",
            description,
            self.under_way,
        )


@option_class(kw_only=True)
class OutputPlace(Place):
    """Where a job with an output is made."""

    group: ClassVar[str] = "CryoSPARC"

    name: str = option("Of the new job's output")

    def check(self) -> None:
        """Raise IceblockError for a name that CryoSPARC refuses."""
        super().check()
        if not re.fullmatch(r"[A-Za-z]\w*", self.name, re.ASCII):
            raise IceblockError(
                f"--name is {self.name!r} and must be a letter followed by letters, numbers and _."
            )


@option_class(kw_only=True)
class ParticlesPlace(OutputPlace):
    """Where a job is made that only looks at particles, and passes them on."""

    group: ClassVar[str] = "CryoSPARC"

    particles: str = option(
        "Raw particles; the job alone where it has only one such output", metavar="J#.OUTPUT"
    )
    name: str = option("Of the new job's output", default="particles")


def job_command(place: type[Place], kind: type[Options]) -> Callable[[Work], click.Command]:
    """Make the command of a job from a function, whose docstring is the help.

    Parameters
    ----------
    place
        Where the job is made, and from what.
    kind
        The options of the run in it.

    Returns
    -------
    decorate
        For a function that takes both: the place, and by name those of the run's options that are
        known before the job is there, all in their ranges.
    """
    here = options_of(place)

    def decorate(function: Work) -> click.Command:
        def started(**values: Any) -> None:
            under_way = click.get_current_context().obj
            asked = place(**read(place, values), under_way=under_way)
            asked.check()
            others = {name: value for name, value in values.items() if name not in here}
            given = read(kind, others)
            check_values(kind, given)
            function(asked, given | {"command": shlex.join(sys.argv)})

        params = [*parameters(place, CRYOSPARC), *parameters(kind, CRYOSPARC, without=here)]
        text = inspect.cleandoc(function.__doc__ or "")
        return SectionedCommand("command", params=params, callback=started, help=text)

    return decorate


def told(kind: type[Options], given: Mapping[str, Any]) -> str:
    """Tell the options that are not as by default, as `keep-noise 0.25, each-alone`."""
    changed = (
        one.option[2:] + ("" if one.flag else f" {given[name]}")
        for name, one in options_of(kind).items()
        if name in given and given[name] != one.default
    )
    return ", ".join(changed) or "as by default"
