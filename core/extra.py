"""Packages of the optional extra `evaluate`."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import IceblockError


def from_extra(module: str) -> Any:
    """Import a module of scikit-image or scikit-learn.

    Raises
    ------
    IceblockError
        If the package is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        package = {"skimage": "scikit-image", "sklearn": "scikit-learn"}
        name = module.partition(".")[0]
        raise IceblockError(
            f"{package.get(name, name)} cannot be imported ({error}), and this measurement needs "
            "it: pip install 'iceblock[evaluate]'."
        ) from error
