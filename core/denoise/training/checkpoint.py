"""The checkpoint of a training run: all that is needed to go on as if nothing had happened."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ...errors import IceblockError
from ...images.disk import write_file
from .divergence import Watchdog
from .schedule import Plateau
from .tally import Tally

FORMAT = 1
"""Version of the layout."""
KEY = "iceblock"
Tensors = dict[str, torch.Tensor]


@dataclass
class State:
    """Where a run is; the networks' and optimizers' tensors stand beside it."""

    step: int = 0
    """Steps done."""
    seconds: float = 0.0
    """Training time so far, over all sittings."""
    images: int = 0
    """Images seen."""
    tally: Tally = field(default_factory=Tally)
    """Losses since the last record."""
    plateau: Plateau = field(default_factory=Plateau)
    """The held-out score's course."""
    fall: float | None = None
    """Progress at which the learning rate began to fall early."""
    validated: float = 0.0
    """Progress at the last validation."""
    span: tuple[float, float] | None = None
    """Grey values that the perceptual network sees as 0 and 1."""
    perceptual_weight: float | None = None
    """λ2 as measured."""
    watchdog: Watchdog = field(default_factory=Watchdog)
    remarks: list[str] = field(default_factory=list)
    """What the user should know."""


def save_checkpoint(
    path: Path, state: State, settings: Mapping[str, Any], parts: Mapping[str, Tensors]
) -> None:
    """Write a checkpoint, whole or not at all.

    Parameters
    ----------
    path
        A .safetensors file.
    state
        Where the run is.
    settings
        What the run depends on, nested; a later `load_checkpoint` compares it.
    parts
        Tensors of each network and optimizer, by names without dots.
    """
    tensors = {
        f"{part}.{name}": value.detach().cpu().contiguous()
        for part, values in parts.items()
        for name, value in values.items()
    }
    description = {"format": FORMAT, "state": asdict(state), "settings": settings}
    data = save(tensors, metadata={KEY: json.dumps(description)})
    write_file(path, data)


def load_checkpoint(path: Path, settings: Mapping[str, Any]) -> tuple[State, dict[str, Tensors]]:
    """Read a checkpoint of a run with these very settings.

    Raises
    ------
    IceblockError
        If the file is damaged, or was made with another setting, which is named.
    """
    try:
        with safe_open(path, framework="pt") as file:
            description = json.loads((file.metadata() or {})[KEY])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError, KeyError) as error:
        raise IceblockError(
            f"{path} is no checkpoint of a training run: remove it to start from the beginning."
        ) from error
    if description.get("format") != FORMAT:
        raise IceblockError(
            f"{path} was written by another version of iceblock: remove it to start from the "
            "beginning."
        )
    _compare(path, description["settings"], json.loads(json.dumps(settings)))
    parts: dict[str, Tensors] = {}
    for name, value in tensors.items():
        part, _, rest = name.partition(".")
        parts.setdefault(part, {})[rest] = value
    values = dict(description["state"])
    for name, kind in (("tally", Tally), ("plateau", Plateau), ("watchdog", Watchdog)):
        values[name] = kind(**values[name])
    values["span"] = tuple(values["span"]) if values["span"] else None
    return State(**values), parts


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> Tensors:
    """Give the moments of an optimizer by the number of the parameter and their name."""
    state = optimizer.state_dict()["state"]
    return {f"{i}.{key}": value for i, values in state.items() for key, value in values.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Tensors) -> None:
    """Put the moments back."""
    state: dict[int, Tensors] = {}
    for name, value in tensors.items():
        number, _, key = name.partition(".")
        state.setdefault(int(number), {})[key] = value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _compare(path: Path, old: dict[str, Any], new: dict[str, Any], above: str = "") -> None:
    """Raise IceblockError for the first setting that differs."""
    for name in [*new, *(name for name in old if name not in new)]:
        one, other = old.get(name), new.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            _compare(path, one, other, f"{name} ")
        elif one != other:
            what = f"{above}{name}".replace("_", " ")
            raise IceblockError(
                f"{path} was made with {what} {_shown(one)} and now it is {_shown(other)}: give "
                "the former settings, or train in another folder."
            )


def _shown(value: Any) -> str:
    return "not set" if value is None else f"{value}"
