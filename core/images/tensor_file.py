"""Networks on disk: named arrays and a JSON description in one .safetensors; no pickle is read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save

from ..errors import IceblockError
from .disk import write_file
from .input_file import open_input, refuse_beyond_memory

FORMAT = 1
"""Version of the description's layout."""
_KEY = "iceblock"
_LARGEST_HEADER = 1 << 24


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
    write_file(path, save(plain, metadata={_KEY: text}))


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
    _check_frame(path)
    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            tensors = {k: file.get_tensor(k) for k in file.keys()} if weights else {}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise IceblockError(f"Model file {path} is not a safetensors file: {error}.") from error
    try:
        description = json.loads(metadata[_KEY])
    except (KeyError, ValueError, RecursionError) as error:
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


def _check_frame(path: Path) -> None:
    """Refuse pickles, and a file whose size is not what its header promises."""
    with open_input(path) as file:
        start = file.read(9)
        # The header's length comes first, which may look like the mark of a pickle.
        if start[8:] != b"{" and (start[:2] == b"PK" or start[:1] == b"\x80"):
            raise IceblockError(
                f"Model file {path} is a pickle (a torch .pt or .pth file), which can run code "
                "when it is read: iceblock reads .safetensors files only."
            )
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(start[:8], "little")
        file.seek(8)
        try:
            if length > min(_LARGEST_HEADER, size):
                raise ValueError("its header is longer than the file")
            entries = json.loads(file.read(length))
            arrays = [entry for name, entry in entries.items() if name != "__metadata__"]
            promised = 8 + length + max((entry["data_offsets"][1] for entry in arrays), default=0)
            if promised != size:
                raise ValueError(f"its header promises {promised} bytes and it has {size}")
        except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
            reason = str(error) if type(error) is ValueError else "its header is no list of arrays"
            raise IceblockError(
                f"Model file {path} is not a safetensors file: {reason}."
            ) from error
    refuse_beyond_memory(path, size)


def digest(path: Path) -> str:
    """SHA-256 of a model file, which names it in records."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
