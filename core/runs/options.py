"""The options of runs: all that is to be said of an option stands at its field, once.

From the fields are made: the options of the commands, the labels of RELION's jobs, the fields of
Doppio's and the options of CryoSPARC's, the checks of ranges, and the identity by which a run goes
on.
Nothing heavy is imported here or by the modules that hold options.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields, replace
from types import NoneType, UnionType
from typing import (
    Any,
    ClassVar,
    Union,
    dataclass_transform,
    get_args,
    get_origin,
    get_type_hints,
)

from .option import Option, option


@dataclass_transform(frozen_default=True, field_specifiers=(option, field))
def option_class(*, kw_only: bool = False) -> Callable[[type], Any]:
    """Make a frozen dataclass of a class whose fields are options."""
    return dataclass(frozen=True, kw_only=kw_only)


@option_class()
class Options:
    """The options of a run, or a part that several runs have."""

    group: ClassVar[str] = "Options"
    """Head of the options of this class in the help."""

    def check(self) -> None:
        """Raise IceblockError for a value outside its range."""
        check_values(type(self), vars(self))

    def identity(self, kind: type[Options] | None = None) -> dict[str, Any]:
        """Give the values that change the result, as JSON gives them back.

        Parameters
        ----------
        kind
            Only those that are shared with this other run.
        """
        values = self.shared_with(kind or type(self))
        known = options_of(type(self))
        changing = {name: value for name, value in values.items() if known[name].changes_result}
        plain: dict[str, Any] = json.loads(json.dumps(changing, default=str))
        return plain

    def shared_with(self, kind: type[Options]) -> dict[str, Any]:
        """Give the values of what another run has from the same classes as this one."""
        owners, theirs = _owners(type(self)), _owners(kind)
        return {
            name: getattr(self, name)
            for name in options_of(type(self))
            if owners[name] is theirs.get(name)
        }


def options_of(kind: type[Options]) -> Mapping[str, Option]:
    """Give the options of a run by the names of their fields, those of its own class first."""
    types = get_type_hints(kind)
    heads = [_head(owner) for owner in kind.__mro__]
    owners = _owners(kind)
    found = [
        _completed(one, types[one.name], _head(owners[one.name]))
        for one in fields(kind)
        if "option" in one.metadata
    ]
    return {one.name: one for one in sorted(found, key=lambda one: heads.index(one.group))}


def check_values(kind: type[Options], values: Mapping[str, Any]) -> None:
    """Raise IceblockError for a value of a run's options that is outside its range."""
    for name, one in options_of(kind).items():
        if name in values:
            one.check(values[name])


def _completed(one: Field[Any], hint: Any, group: str) -> Option:
    """Add to an option what its field says: name, type and default."""
    if get_origin(hint) in (Union, UnionType):
        hint = next(part for part in get_args(hint) if part is not NoneType)
    many, pair = False, False
    if get_origin(hint) is tuple:
        hint, last = get_args(hint)
        many, pair = last is Ellipsis, last is not Ellipsis
    told: Option = one.metadata["option"]
    required = one.default is MISSING
    default = None if required else one.default
    return replace(
        told, group=group, name=one.name, kind=hint, many=many, pair=pair,
        required=required, default=default,
    )  # fmt: skip


def _head(owner: type) -> str:
    return str(vars(owner).get("group", Options.group))


def _owners(kind: type) -> dict[str, type]:
    """Give the first class that has a field, by the field's name."""
    return {
        name: owner for owner in kind.__mro__ for name in vars(owner).get("__annotations__", {})
    }
