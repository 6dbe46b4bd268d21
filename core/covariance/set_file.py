"""Priors of sets on disk, in the file format of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ..errors import IceblockError
from ..images.tensor_file import read_tensors, write_tensors
from .set_prior import SetPrior

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

_KIND = "set-prior"
_PLAIN = ("box", "pixel_size", "count", "signal")


def write_priors(path: Path, priors: Mapping[tuple[int, float], SetPrior]) -> None:
    """Write priors by box and pixel size (Å) of the raw images, whole or not at all."""
    sets: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    for number, (raw, prior) in enumerate(priors.items()):
        sets.append({"raw": raw, **{name: getattr(prior, name) for name in _PLAIN}})
        tensors |= {f"{number}.{name}": value for name, value in prior.tensors().items()}
    write_tensors(path, _KIND, {"sets": sets}, tensors)


def read_priors(path: Path) -> dict[tuple[int, float], SetPrior]:
    """Read what `write_priors` wrote.

    Raises
    ------
    IceblockError
        If the file is missing, damaged or something else.
    """
    description, tensors = read_tensors(path, _KIND)
    found = {}
    try:
        for number, values in enumerate(description["sets"]):
            start = f"{number}."
            mine = {k.removeprefix(start): v for k, v in tensors.items() if k.startswith(start)}
            plain: dict[str, Any] = {name: values[name] for name in _PLAIN}
            box, pixel_size = values["raw"]
            found[int(box), float(pixel_size)] = SetPrior(**plain, **mine)  # type: ignore[arg-type]
    except (LookupError, TypeError, ValueError) as error:
        raise IceblockError(f"{path} lacks a part of what a set has taught: {error}.") from error
    return found
