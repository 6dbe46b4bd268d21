"""The program `iceblock`; `python -m iceblock` starts it too. Standard library only."""

import importlib.util
import sys
from pathlib import Path


def foreign_core() -> str | None:
    """Tell whether another Python package named `core` hides iceblock's own.

    Returns
    -------
    str or None
        A sentence for the user, or None when all is well.
    """
    own = Path(__file__).resolve().parent / "core" / "__init__.py"
    spec = importlib.util.find_spec("core")
    if spec is None:
        return f"iceblock's package `core` is missing beside {__file__}: install iceblock again."
    places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ["?"])
    if Path(places[0]).resolve() == own:
        return None
    return (
        f"Another Python package named `core` ({places[0]}) hides iceblock's own: take its folder "
        "out of PYTHONPATH (an empty entry there means the current folder) and start again."
    )


def main() -> None:
    """Run a command; with a foreign `core` in the way, say so."""
    if message := foreign_core():
        sys.exit(f"iceblock: {message}")
    from core.commands.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
