"""Priors of sets on disk, in the file format of models."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ...errors import IceblockError
from ...images.tensor_file import read_tensors, write_tensors
from .learn import LARGEST_BOX
from .set_prior import SetPrior

_KIND = "set-prior"
_PLAIN = ("box", "pixel_size", "count", "signal")


def write_priors(path: Path, priors: Mapping[tuple[int, float], SetPrior]) -> None:
    """Write priors by box and pixel size (Å) of the raw images, whole or not at all."""
    sets: list[dict[str, Any]] = []
    tensors: dict[str, torch.Tensor] = {}
    for number, (raw, prior) in enumerate(priors.items()):
        sets.append({"raw": raw, **plain_fields(prior)})
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
            box, pixel_size = values["raw"]
            found[int(box), float(pixel_size)] = prior_from(values, mine)
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise IceblockError(
            f"{path} is not whole, or not what a set has taught ({reason}); remove it and give the "
            "same command again"
        ) from error
    return found


def plain_fields(prior: SetPrior) -> dict[str, Any]:
    """Give what is no tensor, for a file's description."""
    return {name: getattr(prior, name) for name in _PLAIN}


def prior_from(plain: Mapping[str, Any], tensors: Mapping[str, torch.Tensor]) -> SetPrior:
    """Put a prior together from what a file holds.

    Raises
    ------
    LookupError, TypeError, ValueError, AttributeError, OverflowError
        If parts are missing, or do not belong together.
    """
    parts: dict[str, Any] = {**{name: plain[name] for name in _PLAIN}, **tensors}
    prior = SetPrior(**parts)
    _check(prior)
    return prior


def _check(prior: SetPrior) -> None:
    """Raise ValueError where the parts do not belong together, so that nothing fails in use."""
    box = prior.box
    if type(box) is not int or box % 2 or not 2 <= box <= LARGEST_BOX:
        raise ValueError("its box is no even number of pixels that is learned from")
    if not (1e-3 < prior.pixel_size < 1e4 and 0 <= prior.signal < 1e9 and 1 <= prior.count < 1e9):
        raise ValueError("a number is out of range")
    (nodes,), (groups, rings, _, slots) = prior.frequencies.shape, prior.posterior.shape
    shapes = {
        "noise": (box // 2 + 1,),
        "mean": (box, box),
        "components": (len(prior.places), box, box),
        "places": (len(prior.places),),
        "frequencies": (nodes,),
        "transfers": (groups, nodes),
        "posterior": (groups, rings, slots, slots),
    }
    for name, tensor in prior.tensors().items():
        wanted = torch.int64 if name == "places" else torch.float32
        if tuple(tensor.shape) != shapes[name] or tensor.dtype != wanted:
            raise ValueError(f"{name} is {tuple(tensor.shape)} {tensor.dtype}")
        if not torch.isfinite(tensor).all():
            raise ValueError(f"{name} holds what is no number")
    places, size = prior.places, rings * 2 * slots
    if not groups or (places < 0).any() or (places >= size).any() or not (prior.noise > 0).all():
        raise ValueError("a value is out of range")
