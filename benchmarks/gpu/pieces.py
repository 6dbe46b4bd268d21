"""A checkpoint in small pieces, for machines that give back only small files.

On the way the optimizer's moments are bfloat16 and the averaged weights float16, which a training
run does not notice; the weights that are trained stay as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from safetensors import safe_open
from safetensors.torch import load, save

if TYPE_CHECKING:
    from pathlib import Path

SIZE = 15 << 20
"""Bytes of a piece, at most."""
_SHORTER = {"average": torch.float16, "optimizer": torch.bfloat16}


def cut(checkpoint: Path, folder: Path) -> list[Path]:
    """Write a checkpoint's pieces into a folder, in place of those that are there."""
    with safe_open(checkpoint, framework="pt") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    for name, value in tensors.items():
        kind = _SHORTER.get(name.partition(".")[0])
        if kind is not None and value.dtype == torch.float32 and value.dim():
            tensors[name] = value.to(kind)
    data = save(tensors, metadata=metadata)
    for path in pieces(folder):
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number, start in enumerate(range(0, len(data), SIZE)):
        made.append(folder / f"checkpoint.{number:02d}")
        made[-1].write_bytes(data[start : start + SIZE])
    return made


def pieces(folder: Path) -> list[Path]:
    """List the pieces in a folder."""
    return sorted(folder.glob("checkpoint.[0-9][0-9]"))


def join(folder: Path, checkpoint: Path) -> bool:
    """Make a checkpoint of the pieces in a folder; False where there are none."""
    found = pieces(folder)
    if not found:
        return False
    data = b"".join(path.read_bytes() for path in found)
    whole = checkpoint.with_suffix(".pieces")
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    whole.write_bytes(data)
    with safe_open(whole, framework="pt") as file:
        metadata = file.metadata()
    longer = {
        name: value.float() if value.dtype in _SHORTER.values() else value
        for name, value in load(data).items()
    }
    checkpoint.write_bytes(save(longer, metadata=metadata))
    whole.unlink()
    return True
