"""One option of a run: all that the faces say of it and check, at one place."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, dataclass, field
from typing import Any

from ..errors import IceblockError

COMMAND, RELION, CRYOSPARC = "command", "relion", "cryosparc"
"""The faces on which an option may stand; Doppio's jobs have what RELION's have."""
FACES = (COMMAND, RELION, CRYOSPARC)


@dataclass(frozen=True)
class Option:
    """One option; what follows `group` is read from the field."""

    help: str
    """A sentence without its end."""
    otherwise: str = ""
    """What holds where the option is not given, if the default does not say it."""
    unit: str = ""
    at_least: float | None = None
    above: float | None = None
    at_most: float | None = None
    below: float | None = None
    choices: tuple[str, ...] = ()
    spelled: str = ""
    """On the command line, without dashes, if not as the field."""
    short: str = ""
    metavar: str = ""
    envvar: str = ""
    read: Callable[[str], Any] | None = None
    """Makes the value from its text, where the type does not say how."""
    argument: bool = False
    """On the command line it is given without a name."""
    faces: tuple[str, ...] = FACES
    changes_result: bool = True
    """Files that are read are left out: their contents count."""
    group: str = ""
    name: str = ""
    kind: type = str
    many: bool = False
    pair: bool = False
    default: Any = None
    required: bool = False

    @property
    def flag(self) -> bool:
        """Whether it is yes or no."""
        return self.kind is bool

    @property
    def option(self) -> str:
        """The option of the command line, in messages."""
        return f"--{self.spelled or self.name.replace('_', '-')}"

    @property
    def shown_default(self) -> str:
        """What holds where the option is not given; empty where there is nothing to say."""
        if self.otherwise or self.required or self.flag or self.default in (None, ()):
            return self.otherwise
        many = self.default if isinstance(self.default, tuple) else (self.default,)
        return ", ".join(f"{one:g}" if isinstance(one, float) else str(one) for one in many)

    @property
    def shown_help(self) -> str:
        """The help, with the range where it is not obvious."""
        unit = f" {self.unit}" if self.unit else ""
        if self.at_most is not None:
            return f"{self.help}, {self.at_least or 0:g} to {self.at_most:g}{unit}"
        if (self.at_least or 0) > 1:
            return f"{self.help}, at least {self.at_least:g}{unit}"
        return self.help

    def check(self, value: Any) -> None:
        """Raise IceblockError for a value outside the range."""
        unit = f" {self.unit}" if self.unit else ""
        for one in value if isinstance(value, tuple) else (value,):
            if self.choices and one is not None and one not in self.choices:
                raise IceblockError(f"{self.option} is {one!r} and must be {any_of(self.choices)}.")
            if isinstance(one, int | float) and not self.flag and not self._holds(one):
                given = f"{self.option} is {one:.9g}{unit}"
                raise IceblockError(f"{given} and must {self._range()}{unit}.")

    def _holds(self, value: float) -> bool:
        return (
            math.isfinite(value)
            and (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
        )

    def _range(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"lie between {self.at_least:g} and {self.at_most:g}"
        limits = {
            "at least": self.at_least, "above": self.above,
            "at most": self.at_most, "below": self.below,
        }  # fmt: skip
        given = [f"{words} {limit:g}" for words, limit in limits.items() if limit is not None]
        return f"be {' and '.join(given) or 'a number'}"


def option(text: str, default: Any = MISSING, **about: Any) -> Any:
    """Make a field of an option.

    Parameters
    ----------
    text
        The help.
    default
        Without one the option has to be given.
    about
        More attributes of `Option`.
    """
    return field(default=default, metadata={"option": Option(text, **about)})


def any_of(names: Sequence[str]) -> str:
    """Write names as `a, b or c`."""
    return " or ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)
