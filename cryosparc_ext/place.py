"""The options that say where in CryoSPARC a job is made, shared by all subcommands."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

_SERVER = (
    click.option(
        "--url", required=True, envvar="CRYOSPARC_BASE_URL", show_envvar=True,
        help="Of CryoSPARC, as in the browser.",
    ),
    click.option("--email", help="Whose login to use.  [default: the first that is stored]"),
    click.option("--project", required=True, metavar="P#", help="Project."),
)  # fmt: skip
_JOB = (
    click.option("--workspace", metavar="W#", help="For the new job.  [default: of its input]"),
    click.option("--title", help="Of the new job.  [default: what it does to which input]"),
    click.option(
        "--scratch", type=click.Path(path_type=Path), metavar="DIR",
        help="For files of a project that is not visible here.  [default: temporary folder]",
    ),
)  # fmt: skip


def server_options(command: Command) -> Command:
    """Add --url, --email and --project."""
    return _with(command, _SERVER)


def job_options(command: Command) -> Command:
    """Add --url, --email, --project, --workspace, --title and --scratch."""
    return _with(command, _SERVER + _JOB)


def output_option(default: str) -> Callable[[Command], Command]:
    """Give the option --name, of the new job's output."""
    return click.option(
        "--name",
        default=default,
        show_default=True,
        callback=_checked_name,
        help="Of the new job's output.",
    )


def _checked_name(context: click.Context, parameter: click.Parameter, value: str) -> str:
    if not re.fullmatch(r"[A-Za-z]\w*", value, re.ASCII):
        raise click.BadParameter(f"{value!r} is not a letter followed by letters, numbers and _.")
    return value


def _with(command: Command, options: tuple[Callable[[Any], Any], ...]) -> Command:
    for option in reversed(options):
        command = option(command)
    return command
