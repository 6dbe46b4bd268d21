"""The models that ship, and how a name on the command line becomes a file."""

from __future__ import annotations

from pathlib import Path

from ..errors import IceblockError

WEIGHTS = Path(__file__).parent / "weights"
DEFAULT = "iceblock-4B"
WITHOUT_CTF = "iceblock-4A"
"""For particles whose CTF nobody knows."""
MICROGRAPHS = "iceblock-field"
"""For whole micrographs."""


def shipped_models() -> dict[str, Path]:
    """Names and files of the models in this installation."""
    return {path.stem: path for path in sorted(WEIGHTS.glob("*.safetensors"))}


def find_model(name: str) -> Path:
    """Turn a shipped model's name or a path into a path.

    Raises
    ------
    IceblockError
        If it is neither.
    """
    models = shipped_models()
    if name in models:
        return models[name]
    path = Path(name)
    if path.is_file():
        return path
    known = ", ".join(models) or "none"
    raise IceblockError(
        f"Model {name!r} is neither a file nor one of the models that ship ({known})."
    )
