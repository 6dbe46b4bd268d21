"""The rooms are as docs/architecture.md says: each is named, and imports go one way."""

from __future__ import annotations

import ast
import re
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs/architecture.md").read_text()
PACKAGES = ("core", "relion_ext", "cryosparc_ext")
LOOSE = "core/*.py"


@cache
def modules() -> dict[str, Path]:
    """Path of every module by its name."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found | {"iceblock": ROOT / "iceblock.py"}


@cache
def imports() -> dict[str, set[str]]:
    """Our modules that each module imports, wherever it does: also late, or for types alone."""
    found: dict[str, set[str]] = {}
    for name, path in modules().items():
        package = name if path.name == "__init__.py" else name.rpartition(".")[0]
        wanted: set[str] = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                wanted |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                parts = package.split(".")
                above = parts[: len(parts) - node.level + 1] if node.level else []
                base = ".".join([*above, *([node.module] if node.module else [])])
                for alias in node.names:
                    inner = f"{base}.{alias.name}"
                    wanted.add(inner if inner in modules() else base)
        found[name] = (wanted & modules().keys()) - {name}
    return found


def room(module: str) -> str:
    """Name a module's room as the page does."""
    first, *rest = module.split(".")
    if first != "core":
        return first if first in PACKAGES else f"{first}.py"
    folder = rest and (ROOT / "core" / rest[0]).is_dir()
    return f"core/{rest[0]}" if folder else LOOSE


@cache
def rows() -> dict[str, int]:
    """Place of each room in the page's table, from the lowest; rooms of one row share it."""
    section = PAGE.partition("## Rooms and arrows")[2].partition("\n## ")[0]
    cells = re.findall(r"^\| (`[^|]+`) \|", section, re.M)
    return {name: k for k, cell in enumerate(cells) for name in re.findall(r"`([^`]+)`", cell)}


def test_the_page_names_every_room_and_no_other() -> None:
    assert {room(module) for module in modules()} == set(rows())


def test_no_arrow_goes_upwards_or_across() -> None:
    wrong = [
        f"{one} imports {other}"
        for one, others in imports().items()
        for other in others
        if room(one) != room(other) and rows()[room(other)] >= rows()[room(one)]
    ]
    assert wrong == []


def test_nothing_imports_itself_round_a_circle() -> None:
    try:
        list(TopologicalSorter(imports()).static_order())
    except CycleError as error:
        raise AssertionError(f"a circle: {' <- '.join(error.args[1])}") from error


def test_everything_is_reached_from_a_way_in() -> None:
    ways_in = ("core/commands", "core/api", "relion_ext", "cryosparc_ext", "iceblock.py")
    coming = [module for module in modules() if room(module) in ways_in]
    reached: set[str] = set()
    while coming:
        module = coming.pop()
        if module not in reached:
            reached |= {module, *package_of(module)}
            coming += imports()[module]
    assert set(modules()) - reached == set()


def package_of(module: str) -> list[str]:
    """Give the packages that a module lies in."""
    parts = module.split(".")
    return [".".join(parts[:k]) for k in range(1, len(parts))]


def test_no_function_or_class_is_left_that_nothing_names() -> None:
    """But for tests: what only they or the benchmarks need is not in the packages."""
    named = set(re.findall(r"\w+", (ROOT / "pyproject.toml").read_text()))  # entry points
    defined = {}
    for module, path in modules().items():
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Name | ast.Attribute):
                named.add(node.id if isinstance(node, ast.Name) else node.attr)
            elif isinstance(node, ast.alias):
                named.add(node.name)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                named.add(node.value)  # loaded by its name
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                defined[node.name] = module
    assert {name: module for name, module in defined.items() if name not in named} == {}


def test_what_the_page_points_at_is_there() -> None:
    named = re.findall(r"`((?:core|tests|relion_ext|cryosparc_ext|benchmarks)/[\w/.]+)`", PAGE)
    assert [name for name in named if not (ROOT / name).exists()] == []
    said = re.findall(r"`([\w/]+\.py)`: `(\w+)`", PAGE)
    assert said
    for file, name in said:
        assert re.search(rf"^(class|def) {name}\b", (ROOT / file).read_text(), re.M), (file, name)
