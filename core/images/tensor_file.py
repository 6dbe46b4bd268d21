"""Networks on disk: named arrays and a JSON description in one .safetensors; no pickle is read."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import IceblockError
from .disk import read_error, replacing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import torch

FORMAT = 1
"""Version of the description's layout."""
_KEY = "iceblock"


def write_tensors(
    path: Path,
    architecture: str,
    description: Mapping[str, Any],
    tensors: Mapping[str, torch.Tensor],
    *,
    half: bool = False,
) -> None:
    """Write a model file, whole or not at all.

    Parameters
    ----------
    path
        Where.
    architecture
        Kind of network.
    description
        Anything JSON can hold.
    tensors
        Weights by name.
    half
        Store them as float16, in half the space.
    """
    plain = {k: v.detach().cpu().contiguous() for k, v in tensors.items()}
    if half:
        plain = {k: v.half() if v.is_floating_point() else v for k, v in plain.items()}
    text = json.dumps(
        {"format": FORMAT, "architecture": architecture, **description}, sort_keys=True
    )
    with replacing(path) as file:
        file.write(save(plain, metadata={_KEY: text}))


def read_tensors(
    path: Path, architecture: str | None, *, weights: bool = True
) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
    """Read a model file.

    Parameters
    ----------
    path
        What `write_tensors` wrote.
    architecture
        Kind of network that is wanted; None for any.
    weights
        Without them the arrays are left unread.

    Returns
    -------
    description, tensors
        Floating-point arrays as float32.

    Raises
    ------
    IceblockError
        If the file is missing, no safetensors file, not iceblock's, of another kind or version.
    """
    if not path.is_file():
        raise IceblockError(
            f"Model file {path} does not exist: `iceblock models` lists those that ship."
        )
    try:
        with path.open("rb") as file:
            start = file.read(9)
    except OSError as error:
        raise read_error(error, path) from error
    # A safetensors file begins with the length of its header, which may look like either mark.
    if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
        raise IceblockError(
            f"Model file {path} is a pickle (a torch .pt or .pth file), which can run code when "
            "it is read: iceblock reads .safetensors files only."
        )
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()} if weights else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise IceblockError(f"Model file {path} is not a safetensors file: {error}.") from error
    try:
        description = json.loads(metadata[_KEY])
    except (KeyError, json.JSONDecodeError) as error:
        raise IceblockError(f"Model file {path} was not written by iceblock.") from error
    if not isinstance(description, dict):
        raise IceblockError(f"Model file {path} was not written by iceblock.")
    if description.get("format") != FORMAT:
        raise IceblockError(
            f"Model file {path} has format {description.get('format')!r} and this iceblock reads "
            f"format {FORMAT}: use the iceblock that wrote it, or train the model again."
        )
    if architecture is not None and description.get("architecture") != architecture:
        raise IceblockError(
            f"Model file {path} holds a {description.get('architecture')} and a {architecture} is "
            "wanted: name another model."
        )
    return description, {k: v.float() if v.is_floating_point() else v for k, v in tensors.items()}


def digest(path: Path) -> str:
    """SHA-256 of a model file, which names it in records."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
