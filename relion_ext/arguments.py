"""The command line that RELION builds from the External job's tabs."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import IceblockError
from core.runs.option import Option

from .program import INPUTS, Program, explained

_OWN = ("o", "j", "pipeline_control")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Arguments:
    """What was asked for.

    Attributes
    ----------
    inputs
        The files of the Input tab, by argument name, as paths from the project directory.
    threads
        Number of threads (the Running tab's).
    values
        The labels that were given, converted, by the names of the options.
    """

    inputs: Mapping[str, Path]
    threads: int
    values: Mapping[str, Any]


def parse(program: Program, argv: Sequence[str]) -> Arguments:
    """Read the arguments of `program`.

    Parameters
    ----------
    program
        What may be given.
    argv
        The arguments without the executable's name, in any order.

    Raises
    ------
    IceblockError
        For an unknown label, a missing or unreadable value, a label given twice with different
        values, or a missing input.
    """
    labels = program.labels
    found: dict[str, str | None] = {}
    in_singular = {one.spelled: name for name, one in labels.items() if one.many and one.spelled}
    for given, value in _pairs(argv):
        name = in_singular.get(given, given)
        if name not in labels and name not in INPUTS and name not in _OWN:
            raise IceblockError(_unknown(name, program), explained(program))
        if found.setdefault(name, value) != value:
            raise IceblockError(
                f"`{name}` is given twice, as {found[name]!r} and as {value!r}: keep one of them."
            )
    for name in program.needs:
        if found.get(name) is None:
            raise IceblockError(
                f"{program.name} needs `{INPUTS[name]}` on the Input tab of the External job "
                f"(--{name} FILE by hand)."
            )
    if program.one_of and all(found.get(name) is None for name in program.one_of):
        tabs = " or ".join(f"`{INPUTS[name]}`" for name in program.one_of)
        raise IceblockError(
            f"{program.name} needs {tabs} on the Input tab of the External job "
            f"(--{program.one_of[0]} FILE by hand)."
        )
    for name, one in labels.items():
        if one.required and name not in found:
            raise IceblockError(
                f"{program.name} needs the label `{name}` on the Params tab of the External job "
                f"(--{name} VALUE by hand): {one.help}."
            )
    return Arguments(
        inputs={name: Path(_given(name, found[name])) for name in INPUTS if name in found},
        threads=_threads(found["j"]) if "j" in found else 1,
        values={
            one.name: _value(name, one, found[name])
            for name, one in labels.items()
            if name in found
        },
    )


def _pairs(argv: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Split into (name, value) as RELION joins them; the value is None for a bare `--name`."""
    index = 0
    while index < len(argv):
        token = argv[index]
        index += 1
        if not token:
            continue
        if not token.startswith("--"):
            raise IceblockError(
                f"{token!r} belongs to no label: a value with a space needs quotation marks, "
                "because RELION passes it to the shell as it is."
            )
        # A user who types `--device` as a label gets `----device` from RELION.
        name, equals, value = token.lstrip("-").partition("=")
        name = name.replace("-", "_").lower()
        if equals:
            yield name, value or None
        elif index < len(argv) and not argv[index].startswith("--"):
            yield name, argv[index] or None
            index += 1
        else:
            yield name, None


def _value(name: str, one: Option, value: str | None) -> Any:
    """Make the value of a label, and see that it lies in its range."""
    if one.flag:
        if value is None:
            return True
        if value.lower() in _YES_NO:
            return _YES_NO[value.lower()]
        raise IceblockError(f"`{name}` takes yes, no, or no value at all, not {value!r}.")
    text = _given(name, value)
    try:
        made = [(one.read or one.kind)(part.strip()) for part in _parts(one, text)]
        if one.pair:
            low, high = made
            made = [(low, high)]
    except ValueError:
        kinds = {int: "a whole number", float: "a number"}
        many = f"{kinds.get(one.kind, 'values')} twice, with a comma between" if one.pair else None
        raise IceblockError(f"`{name}` needs {many or kinds[one.kind]}, not {text!r}.") from None
    whole = tuple(made) if one.many else made[0]
    one.check(whole)
    return whole


def _parts(one: Option, text: str) -> list[str]:
    """Split a list, which has commas because a value cannot have spaces."""
    return [part for part in text.split(",") if part.strip()] if one.many or one.pair else [text]


def _threads(value: str | None) -> int:
    text = _given("j", value)
    if not text.isdecimal() or int(text) < 1:
        raise IceblockError(f"`j` needs a whole number above 0, not {text!r}.")
    return int(text)


def _given(name: str, value: str | None) -> str:
    if value is None:
        raise IceblockError(
            f"`{name}` came without a value: fill in the field beside it, or clear its label."
        )
    return value


def _unknown(name: str, program: Program) -> str:
    close = difflib.get_close_matches(name, program.labels, n=1)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return f"{program.name} has no label `{name}`.{hint}"
