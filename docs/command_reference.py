"""Fill docs/commands.md from the commands themselves, each time the documentation is built."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import click
from click.testing import CliRunner

from core.commands.main import group as iceblock
from cryosparc_ext.main import group as iceblock_cryosparc
from relion_ext.program import usage

if TYPE_CHECKING:
    from collections.abc import Iterator

MARK = "<!-- command reference -->"
RELION_JOBS = (
    "whole", "denoise", "restore", "evaluate", "classify", "select", "micrographs", "noise",
    "train",
)  # fmt: skip
"""Modules of `relion_ext`, each with a `PROGRAM`."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Put the help of every command in the place of the mark (a hook of MkDocs)."""
    return markdown.replace(MARK, reference()) if MARK in markdown else markdown


def reference() -> str:
    """Give the help of every command in Markdown."""
    parts = ["## iceblock", *_group(iceblock, "iceblock")]
    parts.append("## RELION jobs")
    for name in RELION_JOBS:
        program = importlib.import_module(f"relion_ext.{name}").PROGRAM
        parts.append(_section(program.name, usage(program)))
    parts += ["## iceblock-cryosparc", *_group(iceblock_cryosparc, "iceblock-cryosparc")]
    return "\n\n".join(parts)


def _group(group: click.Group, *path: str) -> Iterator[str]:
    """Give the section of a command, and those of its subcommands."""
    command: click.Command = group
    for name in path[1:]:
        assert isinstance(command, click.Group)
        found = command.get_command(click.Context(command), name)
        assert found is not None
        command = found
    asked = CliRunner().invoke(group, [*path[1:], "--help"], prog_name=path[0])
    yield _section(" ".join(path), asked.output)
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            yield from _group(group, *path, name)


def _section(title: str, text: str) -> str:
    return f"### {title}\n\n```text\n{text.strip()}\n```"
