"""Make STAR tables from columns and pairs, in the form in which RELION writes them."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from ..disk import replacing
from .tokens import quote

NewColumns = Mapping[str, Iterable[object]]
"""Values by tag, without the `_` before it."""


def loop(name: str, columns: NewColumns) -> str:
    """Give the text of a table.

    Parameters
    ----------
    name
        Name of its block.
    columns
        Floats get six decimals, as RELION writes them; texts stand in quotes where they need them.
    """
    tags = [f"_{tag} #{number}" for number, tag in enumerate(columns, 1)]
    cells = [[_token(value) for value in values] for values in columns.values()]
    rows = [" ".join(row) for row in zip(*cells, strict=True)]
    return _block(name, ["loop_", *tags, *rows])


def pairs(name: str, values: Mapping[str, object]) -> str:
    """Give the text of a block of pairs; see `loop`."""
    return _block(name, [f"_{tag:<38} {_token(value)}" for tag, value in values.items()])


def write_blocks(path: Path, *blocks: str) -> None:
    """Write a STAR file, whole or not at all."""
    with replacing(path) as file:
        file.writelines(block.encode() for block in blocks)


def _block(name: str, lines: Iterable[str]) -> str:
    return "\n".join(["", "# version 30001", "", f"data_{name}", "", *lines, "", ""])


def _token(value: object) -> str:
    return f"{value:.6f}" if isinstance(value, float) else quote(str(value))
