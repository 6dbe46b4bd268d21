"""The segmentation models that ship, and how a name becomes a file."""

from __future__ import annotations

from pathlib import Path

from ..errors import IceblockError

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "iceblock-segment"


def shipped_segmentation() -> dict[str, Path]:
    """Names and files of the segmentation models in this installation."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}


def find_model(name: str) -> Path:
    """Turn the shipped model's name or a path into a path."""
    shipped = shipped_segmentation()
    if name in shipped:
        return shipped[name]
    path = Path(name)
    if path.is_file():
        return path
    known = ", ".join(shipped) or "none"
    raise IceblockError(
        f"segmentation model {name!r} is neither a file nor one that ships ({known})"
    )
