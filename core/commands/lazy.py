"""A command group whose subcommands are imported only when they are called."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any

import click


class LazyGroup(click.Group):
    """A group whose help needs none of its commands.

    Parameters
    ----------
    lazy
        Name of each subcommand, which is also its module's (with _ for -), and its line in the
        help. The module holds it as `command`.
    package
        Of these modules.
    """

    def __init__(
        self, *arguments: Any, lazy: Mapping[str, str], package: str, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.lazy, self.package = lazy, package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the names of the subcommands."""
        return list(self.lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of a subcommand."""
        if cmd_name not in self.lazy:
            return None
        module = cmd_name.replace("-", "_")
        command = importlib.import_module(f"{self.package}.{module}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each subcommand without importing it."""
        with formatter.section("Commands"):
            formatter.write_dl(list(self.lazy.items()))
