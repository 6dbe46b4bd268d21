"""run.json: what was run on what, so that a run can be repeated, resumed and trusted."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, get_args, get_origin, get_type_hints

from .. import __version__
from ..errors import IceblockError
from ..images.disk import write_file

if TYPE_CHECKING:
    from torch import device as TorchDevice

RECORD = "run.json"
RUNNING, FINISHED = "running", "finished"
"""States of a run; one with a state of its own, such as `without blocks`, left nothing to keep."""


@dataclass
class Machine:
    """Where a run was."""

    host: str = field(default_factory=platform.node)
    processor: str = field(default_factory=lambda: platform.processor() or platform.machine())
    cores: int | None = field(default_factory=os.cpu_count)
    python: str = field(default_factory=platform.python_version)


@dataclass
class Device:
    """What a run computed on."""

    name: str = "CPU"
    processes: int = 1
    threads: int = 1
    torch: str = "unknown"

    @classmethod
    def of(cls, device: TorchDevice, processes: int = 1) -> Device:
        """Describe a device of torch, and the processes that share the work."""
        import torch

        name = torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"
        return cls(name, processes, torch.get_num_threads(), torch.__version__)


@dataclass
class RunRecord:
    """What every run notes; each kind of run adds its own results."""

    iceblock: str = __version__
    state: str = RUNNING
    command: str = ""
    identity: dict[str, Any] = field(default_factory=dict)
    """What makes a run this run: inputs, model, options."""
    machine: Machine = field(default_factory=Machine)
    device: Device | None = None
    seeds: str | dict[str, Any] | None = None
    remarks: list[str] = field(default_factory=list)
    """What the user may want to know."""
    warnings: list[str] = field(default_factory=list)
    """What the user was warned of."""
    total_seconds: float | None = None
    """Of all passes that ended by themselves."""

    def plain(self) -> dict[str, Any]:
        """Give the record as JSON has it, without what is not known yet."""
        found: dict[str, Any] = json.loads(json.dumps(_plain(self), default=str))
        return found


R = TypeVar("R", bound=RunRecord)


def read_record(folder: Path, kind: type[R]) -> R | None:
    """Read the record in a folder; None where there is none.

    Parameters
    ----------
    folder
        Of a run.
    kind
        What it is read as; what other kinds of run have noted is left out.

    Raises
    ------
    IceblockError
        If there is one that cannot be read.
    """
    path = folder / RECORD
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise IceblockError(
            f"{path} cannot be read ({error}); choose another output folder"
        ) from error
    try:
        values = json.loads(text)
        if isinstance(values, dict) and "iceblock" in values:
            return _made(kind, values)
    except (json.JSONDecodeError, TypeError):
        pass
    raise IceblockError(f"{path} was not written by iceblock; choose another output folder")


def write_record(folder: Path, record: RunRecord | Mapping[str, object]) -> None:
    """Write a record, whole or not at all."""
    plain = record.plain() if isinstance(record, RunRecord) else {"iceblock": __version__, **record}
    write_file(folder / RECORD, json.dumps(plain, indent=2, default=str) + "\n")


def _plain(value: Any) -> Any:
    """Give dataclasses as dicts, without what is not known; what is no dataclass stays."""
    if dataclasses.is_dataclass(value):
        found = {one.name: getattr(value, one.name) for one in dataclasses.fields(value)}
        return {name: _plain(one) for name, one in found.items() if one is not None}
    return value


D = TypeVar("D")


def _made(kind: type[D], values: dict[str, Any]) -> D:
    """Make a dataclass from what JSON has of it; raises TypeError for a value of another type.

    Results of a run of another kind, which may have the same names, are left out.
    """
    shared = {one.name for one in dataclasses.fields(RunRecord)}
    found = {}
    for name, hint in get_type_hints(kind).items():
        try:
            if name in values:
                found[name] = _value(hint, values[name])
        except TypeError:
            if name in shared:
                raise
    return kind(**found)


def _value(hint: Any, value: Any) -> Any:
    kinds = get_args(hint) if get_origin(hint) not in (list, dict) else (hint,)
    for kind in kinds or (hint,):
        if dataclasses.is_dataclass(kind) and isinstance(value, dict):
            return _made(kind, value)  # type: ignore[arg-type]
        plain = get_origin(kind) or kind
        if plain is Any or isinstance(value, (int, float) if plain is float else plain):
            return value
    raise TypeError(f"{value!r} is no {hint}")
