"""The program `iceblock`; `python -m iceblock` starts it too. Standard library only.

Here too is what tells a fault of iceblock from one of its surroundings: another program's Python
packages, which PYTHONPATH puts before those that iceblock was installed with.
"""

import importlib
import importlib.machinery
import importlib.util
import os
import re
import site
import sys
from collections.abc import Iterator
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


_NEEDED = (
    "numpy", "scipy", "torch", "matplotlib", "pandas", "click", "mrcfile", "starfile", "gemmi",
    "PIL", "tifffile", "safetensors", "tqdm",
)  # fmt: skip


def blamed(error: BaseException) -> str | None:
    """Tell whether another program's Python file is at fault.

    Parameters
    ----------
    error
        What ended the program.

    Returns
    -------
    sentence
        Names the file and the remedy; None where no such file is to blame.
    """
    foreign = _foreign_folders()
    while_loading = any(name.startswith("<frozen importlib") for name in _files(error))
    for name in (*_named_files(error), *reversed([*_files(error)])):
        place = next((f for f in foreign if Path(name).is_relative_to(f)), None)
        if place is not None and (while_loading or _hides(_module(Path(name), place), place)):
            return _sentence(Path(name), place, error)
    said = set(re.findall(r"\w+", f"{error} {getattr(error, 'name', '')}"))
    for name, file, place in _hiding(foreign):
        if name in sys.modules and (name in said or while_loading):
            return _sentence(file, place, error)
    return None


def suspects() -> str | None:
    """Name the foreign files that hide packages of iceblock's, for a fault that names none."""
    found = _hiding(_foreign_folders())
    if not found:
        return None
    files = ", ".join(str(file) for _, file, _ in found[:3])
    return (
        f"Other programs' Python packages hide those of iceblock ({files}): give "
        f"`{_remedy(found[0][2])}` and start again before you report a fault."
    )


def missing(error: ImportError) -> str:
    """Say what to do where a package cannot be loaded."""
    return (
        f"iceblock cannot load {error.name or 'a package that it needs'} ({_short(error)}): "
        f"install iceblock again into the environment of {sys.executable}."
    )


def _foreign_folders() -> list[Path]:
    """Folders that go before iceblock's packages because of the environment, not of Python."""
    named = [entry or "." for entry in os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    if not os.environ.get("PYTHONPATH"):
        named = []
    if site.ENABLE_USER_SITE:
        named.append(site.getusersitepackages())
    own = Path(__file__).resolve().parent
    folders = [Path(entry).absolute() for entry in named]
    return [folder for folder in folders if folder.resolve() != own and folder.is_dir()]


def _files(error: BaseException) -> Iterator[str]:
    """Give the files of all frames of an error and of those that led to it, the last one last."""
    if (before := error.__cause__ or error.__context__) is not None:
        yield from _files(before)
    trace = error.__traceback__
    while trace is not None:
        yield trace.tb_frame.f_code.co_filename
        trace = trace.tb_next


def _named_files(error: BaseException) -> list[str]:
    """Give the files that an error in loading a module names itself."""
    if not isinstance(error, ImportError | SyntaxError):
        return []
    named = (getattr(error, "filename", None), getattr(error, "path", None))
    return [name for name in named if isinstance(name, str)]


def _hiding(folders: list[Path]) -> list[tuple[str, Path, Path]]:
    """List modules that hide others which iceblock has loaded or needs, with file and folder."""
    found = []
    for folder in folders:
        for name in dict.fromkeys((*_NEEDED, *sys.modules)):
            spec = importlib.machinery.PathFinder.find_spec(name, [str(folder)])
            if spec and spec.origin and spec.has_location and _hides(name, folder):
                found.append((name, Path(spec.origin), folder))
    return found


def _module(file: Path, folder: Path) -> str:
    return file.relative_to(folder).parts[0].partition(".")[0]


def _hides(name: str, folder: Path) -> bool:
    """Whether a module in a folder hides one of the same name in Python or in other folders."""
    if name in sys.stdlib_module_names:
        return True
    others = [entry for entry in sys.path if Path(entry or ".").absolute() != folder]
    return importlib.machinery.PathFinder.find_spec(name, others) is not None


def _remedy(folder: Path) -> str:
    if site.ENABLE_USER_SITE and folder == Path(site.getusersitepackages()).absolute():
        return "export PYTHONNOUSERSITE=1"
    return "unset PYTHONPATH"


def _sentence(file: Path, folder: Path, error: BaseException) -> str:
    name = _module(file, folder)
    why = "PYTHONPATH" if _remedy(folder) == "unset PYTHONPATH" else "your own site-packages"
    return (
        f"{file} is no part of iceblock and stands in the way of the Python package `{name}` that "
        f"it needs ({_short(error)}): {why} leads there; give `{_remedy(folder)}` in the shell "
        "that it is started from (RELION too), or take the file away."
    )


def _short(error: BaseException) -> str:
    first = str(error).strip().partition("\n")[0]
    return f"{type(error).__name__}: {first[:160]}"


def main() -> None:
    """Run a command; what is wrong with Python's packages is told in a sentence."""
    _start("iceblock", "core.commands.main")


def cryosparc() -> None:
    """Run `iceblock-cryosparc` in the same way."""
    _start("iceblock-cryosparc", "cryosparc_ext.main")


def _start(program: str, module: str) -> None:
    if message := foreign_core():
        sys.exit(f"{program}: {message}")
    try:
        importlib.import_module(module).main()
    except Exception as error:
        if message := blamed(error):
            sys.exit(f"{program}: {message}")
        own = (getattr(error, "name", None) or "core").partition(".")[0]
        if isinstance(error, ImportError) and own not in ("core", "relion_ext", "cryosparc_ext"):
            sys.exit(f"{program}: {missing(error)}")
        if message := suspects():
            print(f"{program}: {message}", file=sys.stderr)
        raise


if __name__ == "__main__":
    main()
