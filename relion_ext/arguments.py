"""The command line that RELION builds from the External job's tabs."""

import difflib
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core.errors import IceblockError

# Argument (in lower case: ccpem-pipeliner writes --in_3Dref) and its field on the Input tab.
INPUTS = {
    "in_movies": "Input movies",
    "in_mics": "Input micrographs",
    "in_parts": "Input particles",
    "in_coords": "Input coordinates",
    "in_3dref": "Input 3D reference",
    "in_mask": "Input 3D mask",
}
_OWN = ("o", "j", "pipeline_control")
_YES_NO = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Label:
    """One label of the Params tab.

    Attributes
    ----------
    name
        What the user types as the label.
    meaning
        One line with the unit and the default.
    convert
        Makes the value from its text, or raises ValueError; `bool` makes a flag, which needs no
        value.
    """

    name: str
    meaning: str
    convert: Callable[[str], Any] = str


@dataclass(frozen=True)
class Program:
    """The arguments of one executable.

    Attributes
    ----------
    name
        The executable.
    summary
        One sentence on what it does.
    needs
        The inputs that must be given (keys of `INPUTS`).
    labels
        The labels it understands.
    takes
        The inputs that may be given besides.
    """

    name: str
    summary: str
    needs: tuple[str, ...]
    labels: tuple[Label, ...] = ()
    takes: tuple[str, ...] = ()


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
        The labels that were given, converted.
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
    labels = {label.name: label for label in program.labels}
    found: dict[str, str | None] = {}
    for name, value in _pairs(argv):
        if name not in labels and name not in INPUTS and name not in _OWN:
            raise IceblockError(_unknown(name, program), _explained(program))
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
    return Arguments(
        inputs={name: Path(_given(name, found[name])) for name in INPUTS if name in found},
        threads=_converted("j", _positive, found["j"]) if "j" in found else 1,
        values={
            name: _converted(name, label.convert, found[name])
            for name, label in labels.items()
            if name in found
        },
    )


def usage(program: Program) -> str:
    """Explain `program` to a user who typed --help."""
    inputs = [f"--{name} FILE" for name in program.needs]
    inputs += [f"[--{name} FILE]" for name in program.takes]
    return "\n".join(
        [
            *textwrap.wrap(program.summary, 88),
            "",
            f"usage: {program.name} --o DIR {' '.join(inputs)} [--LABEL VALUE ...] [--j THREADS]",
            "",
            "Started by RELION as an External job: put the full path of this program in",
            "`External executable` and these labels, if you need them, on the Params tab.",
            "",
            *_explained(program),
        ]
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


def _converted(name: str, convert: Callable[[str], Any], value: str | None) -> Any:
    if convert is bool:
        if value is None:
            return True
        if value.lower() in _YES_NO:
            return _YES_NO[value.lower()]
        raise IceblockError(f"`{name}` takes yes, no, or no value at all, not {value!r}.")
    text = _given(name, value)
    try:
        return convert(text)
    except ValueError:
        kinds = {int: "a whole number", float: "a number", _positive: "a whole number above 0"}
        raise IceblockError(
            f"`{name}` needs {kinds.get(convert, 'another value')}, not {text!r}."
        ) from None


def _given(name: str, value: str | None) -> str:
    if value is None:
        raise IceblockError(
            f"`{name}` came without a value: fill in the field beside it, or clear its label."
        )
    return value


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise ValueError(text)
    return number


def _unknown(name: str, program: Program) -> str:
    close = difflib.get_close_matches(name, [label.name for label in program.labels], n=1)
    hint = f" Did you mean `{close[0]}`?" if close else ""
    return f"{program.name} has no label `{name}`.{hint}"


def _explained(program: Program) -> list[str]:
    if not program.labels:
        return ["It has no labels."]
    width = max(len(label.name) for label in program.labels)
    return ["Labels:", *(f"  {label.name:<{width}}  {label.meaning}" for label in program.labels)]
