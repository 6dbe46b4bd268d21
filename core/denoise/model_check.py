"""What the description in a model file may say: a file comes from anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

_LARGEST = 1 << 14
"""Channels, pixels of a kernel, boxes."""
_LARGEST_MULTIPLE = 32
"""Inputs are padded to a multiple of this at most: the smallest box that is denoised."""


def check_description(
    card: Mapping[str, Any], config: Mapping[str, Any], n_tensors: int | None
) -> None:
    """Check what a model file says of itself before a network is made after it.

    Parameters
    ----------
    card, config
        Arguments of `ModelCard` and `GeneratorConfig`, with tuples for lists; what is left out
        has a default there.
    n_tensors
        Number of arrays in the file; None where they were not read.

    Raises
    ------
    ValueError
        For a value of another kind than it has to be, and for sizes that no network has.
    """
    for name, value in (*card.items(), *config.items()):
        if not _IS[_KINDS[name]](value):
            raise ValueError(f"{name} is {value!r:.60}")
    if card["working_pixel_size"] <= 0:
        raise ValueError(f"working_pixel_size is {card['working_pixel_size']}")
    blocks = config.get("residual_blocks", 0)
    if blocks < 0 or (n_tensors is not None and 2 * blocks > n_tensors):
        raise ValueError(f"residual_blocks is {blocks}")
    strides = config.get("strides", ())
    if min(strides, default=1) < 1 or config.get("stem_shuffle", 1) < 1:
        raise ValueError("strides and stem_shuffle have to be 1 or more")
    if math.prod((config.get("stem_shuffle", 1), *strides)) > _LARGEST_MULTIPLE:
        raise ValueError(f"the strides {strides} leave nothing of an image")


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and type(value) is not bool and abs(value) < 1e12


def _is_whole(value: object) -> bool:
    return type(value) is int and abs(value) <= _LARGEST


def _all(kind: Callable[[object], bool]) -> Callable[[Any], bool]:
    return lambda values: isinstance(values, tuple) and all(map(kind, values))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_statistics(value: object) -> bool:
    """Tell whether a value is nothing or what `noise.statistics` gives."""
    if not isinstance(value, dict) or not value:
        return value == {}
    curves: list[Any] = [value.get(name) for name in ("frequency", "mean", "lowest", "highest")]
    if not all(isinstance(curve, list) and all(map(_is_number, curve)) for curve in curves):
        return False
    frequency = curves[0]
    return (
        2 <= len(frequency) <= _LARGEST
        and all(len(curve) == len(frequency) and min(curve) >= 0 for curve in curves)
        and all(low < high for low, high in pairwise(frequency))
        and _is_number(value.get("skewness"))
        and _is_number(value.get("kurtosis"))
    )


_IS: Mapping[str, Callable[[Any], bool]] = {
    "text": _is_text,
    "flag": lambda value: isinstance(value, bool),
    "number": _is_number,
    "whole": _is_whole,
    "range": lambda value: _all(_is_number)(value) and len(value) == 2,
    "wholes": _all(_is_whole),
    "texts": _all(_is_text),
    "facts": lambda value: isinstance(value, dict),
    "statistics": _is_statistics,
}
_KINDS = {
    "name": "text", "working_pixel_size": "number", "snr_range": "range",
    "pixel_size_range": "range", "box_range": "range", "defocus_range": "range", "ctf": "text",
    "volumes": "texts", "noise": "texts", "training": "facts", "scores": "facts",
    "noise_statistics": "statistics",
    "widths": "wholes", "strides": "wholes", "residual_blocks": "whole", "stem_kernel": "whole",
    "stem_shuffle": "whole", "norm": "text", "input_skip": "flag", "reads_ctf": "flag",
}  # fmt: skip
