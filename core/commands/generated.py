"""Commands of click, made from the options of runs."""

from __future__ import annotations

import inspect
import os
import shlex
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any, TextIO

import click

from ..compute.launched import refusal
from ..errors import IceblockError
from ..runs.option import COMMAND, Option
from ..runs.options import Options, options_of

PATH = click.Path(path_type=Path)
_METAVARS = {int: "N", float: "NUMBER", Path: "FILE", str: "TEXT"}


class Given(click.Option):
    """An option with the head under which the help lists it."""

    def __init__(self, *names: str, head: str, **about: Any) -> None:
        super().__init__(names, **about)
        self.head = head


class SectionedCommand(click.Command):
    """A command whose help lists the options under several heads."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options; --help stands under the last head."""
        heads: dict[str, list[tuple[str, str]]] = {}
        for one in self.get_params(ctx):
            if isinstance(one, click.Option) and (record := one.get_help_record(ctx)):
                heads.setdefault(getattr(one, "head", QUIET.head), []).append(record)
        for head, records in heads.items():
            with formatter.section(head):
                formatter.write_dl(records)


def run_command(
    kind: type[Options], name: str = "command", *, groups: bool = False, **about: Any
) -> Callable[[Callable[[Any, TextIO | None], None]], click.Command]:
    """Make the command of a run from a function, whose docstring is the help.

    Parameters
    ----------
    kind
        The run's options.
    name, about
        As `click.Command` takes them.
    groups
        Whether the run itself knows what to do where torchrun or srun started several processes.

    Returns
    -------
    decorate
        For a function that takes the options and where progress goes, None for silence.
    """

    def decorate(function: Callable[[Any, TextIO | None], None]) -> click.Command:
        def started(quiet: bool, **values: Any) -> None:
            if not groups:
                _refuse_groups(click.get_current_context().command_path)
            options = kind(**read(kind, values), command=shlex.join(sys.argv))  # type: ignore[call-arg]
            function(options, None if quiet else sys.stderr)

        params = [*parameters(kind, COMMAND), QUIET]
        text = inspect.cleandoc(function.__doc__ or "")
        return SectionedCommand(name, params=params, callback=started, help=text, **about)

    return decorate


def _refuse_groups(command: str) -> None:
    """Refuse to do in each of several processes what one of them is to do."""
    if said := refusal(os.environ, f"`{command}`", "ask for one task"):
        raise IceblockError(said)


def plain_command(kind: type[Options]) -> Callable[[Callable[[Any], None]], click.Command]:
    """Make a command that is no run from a function that takes its options; see `run_command`."""

    def decorate(function: Callable[[Any], None]) -> click.Command:
        def started(**values: Any) -> None:
            options = kind(**read(kind, values))
            options.check()
            function(options)

        text = inspect.cleandoc(function.__doc__ or "")
        params = list(parameters(kind, COMMAND))
        return SectionedCommand("command", params=params, callback=started, help=text)

    return decorate


QUIET = Given("-q", "--quiet", head="Output", is_flag=True, help="No progress bar, no remarks.")


def read(kind: type[Options], values: Mapping[str, Any]) -> dict[str, Any]:
    """Give those of the values that click gives which are of options of a run."""
    given = {}
    for name, one in options_of(kind).items():
        if (value := values.get(name)) is not None:
            given[name] = one.read(value) if one.read else value
    return given


def parameters(
    kind: type[Options], face: str, without: Container[str] = ()
) -> Sequence[click.Parameter]:
    """Make the parameters of a command from options.

    Parameters
    ----------
    kind
        The options.
    face
        Which of them: those of this face.
    without
        Names of fields that come in another way.
    """
    shown = [one for one in options_of(kind).values() if face in one.faces]
    return [_parameter(one) for one in shown if one.name not in without]


def _parameter(one: Option) -> click.Parameter:
    kind: Any = PATH if one.kind is Path else one.kind
    if one.argument:
        return click.Argument(
            [one.name], type=kind, required=one.required, nargs=-1 if one.many else 1,
            metavar=one.metavar or None,
        )  # fmt: skip
    about: dict[str, Any] = {"head": one.group, "required": one.required, "help": help_of(one)}
    if one.flag:
        spelled = f"--no-{one.option[2:]}" if one.default else one.option
        about |= {"is_flag": True, "flag_value": not one.default, "default": one.default}
        return Given(spelled, one.name, **about)
    names = (f"-{one.short}", one.option) if one.short else (one.option,)
    metavar = one.metavar or "|".join(one.choices) or one.unit.upper() or _METAVARS[one.kind]
    if one.default is not None:  # None would pass for a value where one is required
        about["default"] = one.default
    return Given(
        *names, one.name, metavar=metavar, type=str if one.read else kind, multiple=one.many,
        nargs=2 if one.pair else 1, envvar=one.envvar or None, show_envvar=bool(one.envvar),
        **about,
    )  # fmt: skip


def help_of(one: Option) -> str:
    """Give the help of an option with its default."""
    default = f"  [default: {one.shown_default}]" if one.shown_default else ""
    return f"{one.shown_help}.{default}"
